import { afterAll, beforeAll } from 'vitest';
import { events } from '@rookery/contracts';
import { LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import { connectBus } from '../src/index.js';
import type { Bus, ConnectBusOptions, Logger } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';
import type { NatsServer, NatsServerOptions } from '../src/testing/index.js';

export const label = (id: string): LabelReceived => ({
  predictionId: id,
  label: 'Adelie',
  model: 'penguins',
  labels: [],
});

/** {@link label} as it lies on the bus. */
export const labelJson = (id: string): unknown => LabelReceived.toJSON(label(id));

/** The event most tests use: JSON, with a key, and strict. */
export const labelReceived = events.labelReceived;

let serial = 0;

/** A name that no other test of this process uses. */
export function unique(prefix: string): string {
  serial += 1;
  return `${prefix}-${process.pid}-${serial}`;
}

/** A promise with its resolve. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((r) => (resolve = r));
  return { promise, resolve };
}

/** Rejects where `promise` has not settled in time; the deadline of a wait, not a measure. */
export async function within<T>(promise: Promise<T>, what: string, ms = 15_000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what}: not within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A gate that opens when `n` things were counted. */
export function counter(n: number): { hit: () => number; all: Promise<void>; count: () => number } {
  let count = 0;
  const { promise, resolve } = deferred();
  return {
    hit: () => {
      count += 1;
      if (count >= n) resolve();
      return count;
    },
    all: promise,
    count: () => count,
  };
}

/** Asks again until the answer is right; for state of the broker that sends no event. */
export async function until<T>(
  look: () => Promise<T>,
  right: (value: T) => boolean,
  what: string,
): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = await look();
    if (right(value)) return value;
    if (Date.now() > deadline) throw new Error(`${what}: still ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Keeps the lines that a bus logs. */
export function recordingLogger(): Logger & { lines: { level: string; fields: object; message: string }[] } {
  const lines: { level: string; fields: object; message: string }[] = [];
  const make = (bound: object): Logger => {
    const at =
      (level: string) =>
      (fields: object, message: string): void =>
        void lines.push({ level, fields: { ...bound, ...fields }, message });
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => make({ ...bound, ...fields }),
    };
  };
  return { ...make({}), lines };
}

/** One broker for a test file, and buses that are closed with it. */
export function useBroker(options: NatsServerOptions = {}): {
  server: () => NatsServer;
  connect: (overrides?: Partial<ConnectBusOptions>) => Promise<Bus>;
} {
  let server: NatsServer;
  const buses: Bus[] = [];
  beforeAll(async () => {
    server = await startNatsServer(options);
  }, 30_000);
  afterAll(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.stop();
  }, 30_000);
  return {
    server: () => server,
    connect: async (overrides = {}) => {
      const bus = await connectBus({ url: server.url, name: 'tester', ...overrides });
      buses.push(bus);
      await bus.ensureTopology();
      return bus;
    },
  };
}
