import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { Bus } from '../src/index.js';
import { label, labelReceived, unique, until, useBroker } from './fixtures.js';

const broker = useBroker();
let directory: string;
let children: ChildProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-worker-'));
  await build({
    entryPoints: [new URL('./worker-process.ts', import.meta.url).pathname],
    outfile: join(directory, 'worker.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    // The NATS modules are CommonJS and call require.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});
afterAll(() => rm(directory, { recursive: true, force: true }));

interface Worker {
  handled: string[];
  kill: () => void;
}

async function startWorker(durable: string): Promise<Worker> {
  const child = spawn(process.execPath, [join(directory, 'worker.mjs'), broker.server().url, durable], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const handled: string[] = [];
  let ready = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') ready = true;
    else handled.push(line);
  });
  await until(async () => ready, Boolean, 'worker ready');
  return { handled, kill: () => void child.kill('SIGKILL') };
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
