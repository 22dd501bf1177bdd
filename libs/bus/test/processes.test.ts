import { expect, test } from 'vitest';
import type { Bus } from '../src/index.js';
import { useProgram } from './child-programs.js';
import { label, labelReceived, unique, until, useBroker } from './fixtures.js';

const broker = useBroker();
const program = useProgram(new URL('./worker-process.ts', import.meta.url));

interface Worker {
  readonly handled: readonly string[];
  readonly kill: () => void;
}

async function startWorker(durable: string): Promise<Worker> {
  const { lines, signal } = await program(broker.server().url, durable);
  return {
    handled: lines,
    kill: () => {
      signal('SIGKILL');
    },
  };
}

async function publish(bus: Bus, ids: string[]): Promise<void> {
  for (const id of ids) await bus.publish(labelReceived, 'k', label(id), { id: unique('event') });
}

test('two processes that share a durable share the work: every event is handled by exactly one of them', async () => {
  const bus = await broker.connect();
  const durable = unique('shared');
  const [a, b] = await Promise.all([startWorker(durable), startWorker(durable)]);
  const ids = Array.from({ length: 100 }, (_, i) => `s${i}`);
  await publish(bus, ids);
  await until(
    async () => a.handled.length + b.handled.length,
    (n) => n >= 100,
    'all handled',
  );
  expect([...a.handled, ...b.handled].sort()).toEqual([...ids].sort());
  expect(Math.min(a.handled.length, b.handled.length)).toBeGreaterThan(0);
});

test('a process killed in the middle of its work has it taken over by another, which had not been given it', async () => {
  const bus = await broker.connect();
  const durable = unique('killed');
  const first = await startWorker(durable);
  await publish(bus, ['hang']);
  await until(async () => first.handled.includes('hang'), Boolean, 'first holds it');
  const second = await startWorker(durable);
  await publish(bus, ['other']);
  await until(async () => second.handled.includes('other'), Boolean, 'second is at work');
  expect(second.handled).not.toContain('hang');
  first.kill();
  await until(async () => second.handled.includes('hang'), Boolean, 'taken over');
});
