import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { progressSubject } from '@rookery/contracts';
import { FoldProgress } from '@rookery/proto/rookery/events/v1/run';
import { expect, test } from 'vitest';
import type { Bus } from '../src/index.js';
import { useProgram } from './child-programs.js';
import { label, labelReceived, unique, until, useBroker, within } from './fixtures.js';

// What the broker keeps for one connection: less than by default, so that the tests need not fill 64 MB.
const broker = useBroker({ config: 'max_pending: 4MB\nwrite_deadline: "2s"' });
const startWatcher = useProgram(new URL('./progress-watcher.ts', import.meta.url));

const run = 'run-1';
/** As much as fills the buffers of both kernels and of the broker for a connection that nobody reads. */
const flood = { messages: 1_000, bytes: 64 * 1024 };
const filler = Buffer.alloc(flood.bytes, 'x');

const epochOf = (epoch: number): FoldProgress => FoldProgress.fromPartial({ runId: run, epoch });

/**
 * Reports epochs, one with each 64 KB of what a watcher also has to read; resolves when the broker has taken them all and
 * has stored an event of the same connection after every twentieth.
 */
async function report(trainer: Bus): Promise<void> {
  for (let epoch = 1; epoch <= flood.messages; epoch += 1) {
    trainer.publishProgress(run, epochOf(epoch));
    trainer.nc.publish(progressSubject(run), filler);
    if (epoch % 50 > 0) continue;
    await within(
      trainer.publish(labelReceived, 'k', label('p'), { id: unique('event') }),
      `an event beside epoch ${epoch}`,
    );
  }
}

/** A client that asks for progress and never reads what comes. */
async function deafClient(): Promise<Socket> {
  const { hostname, port } = new URL(broker.server().url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('CONNECT {"verbose":false,"pedantic":false,"name":"deaf"}\r\nSUB ml.progress.> 1\r\nPING\r\n');
  let said = '';
  while (!said.includes('PONG')) {
    const [chunk] = (await within(once(socket, 'data'), 'the answer of the broker')) as [Buffer];
    said += chunk.toString();
  }
  socket.pause();
  return socket;
}

test('a client that does not read progress is cut off by the broker, and costs no other watcher an epoch', async () => {
  const [trainer, watcher] = await Promise.all([broker.connect(), broker.connect()]);
  const epochs: number[] = [];
  watcher.subscribeProgress(run, ({ epoch }) => void epochs.push(epoch));
  await watcher.nc.flush();
  const deaf = await deafClient();
  await report(trainer);
  await until(
    async () => epochs.length,
    (count) => count >= flood.messages,
    'the other watcher has heard of every epoch',
  );
  expect(epochs).toEqual(Array.from({ length: flood.messages }, (_, index) => index + 1));
  expect(trainer.status()).toEqual({ connected: true });
  expect(watcher.status()).toEqual({ connected: true });
  // What was on its way can still be read; then comes the end.
  let read = 0;
  deaf.on('data', (chunk) => (read += chunk.length));
  const closed = once(deaf, 'close');
  deaf.resume();
  await within(closed, 'the end of the connection that was not read');
  expect(read).toBeLessThan(flood.messages * flood.bytes);
});

test('a watcher that stood still is cut off by the broker, comes back by itself and hears of what is reported then', async () => {
  const trainer = await broker.connect();
  const { lines, signal } = await startWatcher(broker.server().url);
  trainer.publishProgress(run, epochOf(0));
  await until(async () => lines.includes('epoch 0'), Boolean, 'the watcher hears');
  signal('SIGSTOP');
  await report(trainer);
  signal('SIGCONT');
  await until(async () => lines.includes('reconnect'), Boolean, 'the watcher is connected again');
  expect(lines).not.toContain(`epoch ${flood.messages}`);
  await until(
    async () => {
      trainer.publishProgress(run, epochOf(1_000_000));
      return lines.includes('epoch 1000000');
    },
    Boolean,
    'the watcher hears again',
  );
});
