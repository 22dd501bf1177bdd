import type { Bus, Consumption } from '@rookery/bus';
import { describe, expect, it } from 'vitest';
import { connectWithRetry, ServiceExitError } from '../src/index.js';
import { StopList } from '../src/lifecycle/stop-list.js';
import { runStopSteps } from '../src/lifecycle/stop-sequence.js';
import { trackConsumptions } from '../src/lifecycle/track-consumptions.js';
import { memoryLogger } from './echo-service.js';

const never = (): Promise<never> => new Promise(() => undefined);

describe('connectWithRetry', () => {
  const options = { name: 'NATS', address: 'nats://127.0.0.1:1', timeoutMs: 60_000 };

  it('tries again until the server is there, and logs the wait once', async () => {
    const logger = memoryLogger();
    let attempts = 0;
    const connection = await connectWithRetry(
      async () => {
        attempts += 1;
        if (attempts < 3) throw new Error('refused');
        return 'connected';
      },
      { ...options, logger },
    );
    expect(connection).toBe('connected');
    expect(logger.lines.map((line) => line.message)).toEqual([
      'NATS does not answer yet; trying again',
      'NATS is connected',
    ]);
  });

  it('gives up when the time is over, saying what to do, with exit code 69', async () => {
    const error = await connectWithRetry(() => Promise.reject(new Error('refused')), {
      ...options,
      timeoutMs: 0,
      logger: memoryLogger(),
      hint: 'Start a server',
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ServiceExitError);
    expect(error).toMatchObject({
      exitCode: 69,
      message: expect.stringContaining('refused. Start a server') as string,
    });
  });

  it('does not wait for an error that waiting cannot mend', async () => {
    let attempts = 0;
    const connect = (): Promise<never> => ((attempts += 1), Promise.reject(new Error('locked')));
    await expect(
      connectWithRetry(connect, { ...options, logger: memoryLogger(), isTransient: () => false }),
    ).rejects.toThrow('locked');
    expect(attempts).toBe(1);
  });

  it('ends with the service: an abort stops the waiting', async () => {
    const controller = new AbortController();
    const connecting = connectWithRetry(
      () => {
        controller.abort();
        return Promise.reject(new Error('refused'));
      },
      { ...options, logger: memoryLogger(), signal: controller.signal },
    );
    await expect(connecting).rejects.toThrow('refused');
  });
});

describe('runStopSteps', () => {
  it('runs every step in order, even after one that throws and one that never ends', async () => {
    const order: string[] = [];
    const step = (name: string, run: () => Promise<unknown> | void = () => undefined) => ({
      name,
      run: () => (order.push(name), run()),
    });
    const failed = await runStopSteps(
      [step('a'), step('b', () => Promise.reject(new Error('no'))), step('c', never), step('d')],
      50,
      memoryLogger(),
    );
    expect(order).toEqual(['a', 'b', 'c', 'd']);
    expect(failed).toEqual(['b', 'c']);
  });
});

describe('StopList', () => {
  it('runs the functions of a phase last registered first, and only those', async () => {
    const order: string[] = [];
    const list = new StopList();
    list.add(() => void order.push('one'));
    list.add(() => void order.push('http'), { phase: 'intake' });
    list.add(() => void order.push('two'));
    await runStopSteps(list.steps('drained'), 1000, memoryLogger());
    expect(order).toEqual(['two', 'one']);
  });

  it('stops all consumptions, also where one fails, with the time they may take', async () => {
    const graces: (number | undefined)[] = [];
    const list = new StopList();
    const consumption = { stop: (graceMs?: number) => void graces.push(graceMs) };
    list.addConsumptions([{ stop: () => Promise.reject(new Error('broken')) }, consumption, consumption]);
    await expect(list.stopConsumptions(123)).rejects.toThrow('a consumption did not stop');
    expect(graces).toEqual([123]);
  });
});

describe('trackConsumptions', () => {
  it('tells of each consumption, and leaves all else of the bus as it is', async () => {
    class FakeBus {
      readonly #secret = 'private';
      readonly name = 'test';
      consume(): Promise<Consumption> {
        return Promise.resolve({ durable: this.#secret } as Consumption);
      }
      status(): string {
        return this.#secret;
      }
    }
    const tracked: unknown[] = [];
    const bus = trackConsumptions(new FakeBus() as unknown as Bus, (consumption) =>
      tracked.push(consumption),
    );
    const consumption = await bus.consume(undefined as never, undefined as never);
    expect(tracked).toEqual([consumption]);
    expect([bus.name, bus.status()]).toEqual(['test', 'private']);
  });
});
