import { connect as dial, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { beforeAll, expect, test } from 'vitest';
import { events } from '@rookery/contracts';
import { connectBus } from '../src/index.js';
import type { Bus, RawEvent } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';
import { counter, deferred, label, labelReceived, unique, until, useBroker, within } from './fixtures.js';

const broker = useBroker();
let bus: Bus;

beforeAll(async () => {
  bus = await broker.connect();
});

const promoted = events.modelPromoted;
const promotion = (model: string, version: number): Parameters<typeof promoted.message.encode>[0] =>
  promoted.message.fromPartial({ model, version });

test('replaying an event that was never published ends at once with nothing', async () => {
  const replay = await bus.replay(events.runFailed, { onEvent: () => {} });
  await within(replay.done, 'end');
  expect(replay.count()).toBe(0);
});

test('a replay hands over all that was stored, in order, waiting for each, and leaves other types out', async () => {
  const model = unique('model');
  for (let version = 1; version <= 30; version++) {
    await bus.publish(promoted, model, promotion(model, version), { id: unique('promotion') });
    await bus.publish(labelReceived, 'k', label(`${version}`), { id: unique('label') });
  }
  const versions: number[] = [];
  let running = 0;
  const replay = await bus.replay(promoted, {
    key: model,
    onEvent: async (event) => {
      running += 1;
      expect(running).toBe(1);
      await Promise.resolve();
      versions.push(event.data.version);
      running -= 1;
    },
  });
  await within(replay.done, 'replay');
  expect(versions).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
});

test('a replay of one key sees that key only, and can start at a sequence', async () => {
  const [a, b] = [unique('a'), unique('b')];
  await bus.publish(promoted, a, promotion(a, 1), { id: unique('p') });
  await bus.publish(promoted, b, promotion(b, 1), { id: unique('p') });
  const { sequence } = await bus.publish(promoted, a, promotion(a, 2), { id: unique('p') });
  const seen: string[] = [];
  const onEvent = (event: { key: string; data: { version: number } }): void =>
    void seen.push(`${event.key}:${event.data.version}`);
  await (
    await bus.replay(promoted, { key: a, onEvent })
  ).done;
  await (
    await bus.replay(promoted, { key: a, fromSequence: sequence, onEvent })
  ).done;
  expect(seen).toEqual([`${a}:1`, `${a}:2`, `${a}:2`]);
});

test('a replay that goes on says when it has caught up, then brings new events, until it is aborted', async () => {
  const model = unique('follow');
  await bus.publish(promoted, model, promotion(model, 1), { id: unique('p') });
  const controller = new AbortController();
  const versions: number[] = [];
  const two = counter(2);
  const replay = await bus.replay(promoted, {
    key: model,
    untilCaughtUp: false,
    signal: controller.signal,
    onEvent: (event) => {
      versions.push(event.data.version);
      two.hit();
    },
  });
  await within(replay.caughtUp, 'caught up');
  expect(versions).toEqual([1]);
  await bus.publish(promoted, model, promotion(model, 2), { id: unique('p') });
  await within(two.all, 'new event');
  controller.abort();
  await within(replay.done, 'end');
  expect(versions).toEqual([1, 2]);
});

test('an error of the reader ends the replay with that error', async () => {
  const model = unique('failing');
  await bus.publish(promoted, model, promotion(model, 1), { id: unique('p') });
  const replay = await bus.replay(promoted, {
    key: model,
    onEvent: () => {
      throw new Error('projection broken');
    },
  });
  await expect(within(replay.done, 'end')).rejects.toThrow('projection broken');
});

test('a stored event that cannot be decoded is reported and does not end the replay', async () => {
  const key = unique('mixed');
  await bus.publish(labelReceived, key, label('before'), { id: unique('l') });
  bus.nc.publish(`ml.label.received.${key}`, '{"nonsense":true}');
  await bus.nc.flush();
  await bus.publish(labelReceived, key, label('after'), { id: unique('l') });
  const seen: string[] = [];
  const invalid: string[] = [];
  const replay = await bus.replay(labelReceived, {
    key,
    onEvent: (event) => void seen.push(event.data.predictionId),
    onInvalid: (_, error) => void invalid.push(error.message),
  });
  await within(replay.done, 'replay');
  expect(seen).toEqual(['before', 'after']);
  expect(invalid[0]).toContain('nonsense');
});

test('the last event of each key, however many there were', async () => {
  const swapped = events.inferenceSwapped;
  expect(await bus.lastPerKey(swapped)).toEqual([]);
  for (const [model, version] of [
    ['m1', 1],
    ['m2', 1],
    ['m1', 2],
    ['m3', 1],
    ['m1', 3],
    ['m2', 2],
  ] as const) {
    await bus.publish(swapped, model, swapped.message.fromPartial({ model, version }), {
      id: unique('swap'),
    });
  }
  const last = await bus.lastPerKey(swapped);
  expect(last.map((event) => [event.key, event.data.version])).toEqual([
    ['m3', 1],
    ['m1', 3],
    ['m2', 2],
  ]);
});

test('a tail shows what passes from now on, with wildcards, and stops when told', async () => {
  await bus.publish(labelReceived, 'tail', label('earlier'), { id: unique('l') });
  const seen: RawEvent[] = [];
  const two = counter(2);
  const stop = await bus.tail(['ml.label.>', 'ml.progress.*'], (event) => {
    seen.push(event);
    two.hit();
  });
  await bus.publish(labelReceived, 'tail', label('now'), { id: 'tailed' });
  bus.publishProgress('run-1', {
    runId: 'run-1',
    fold: 0,
    final: false,
    epoch: 1,
    epochs: 2,
    loss: 1,
    metricName: 'mae',
    metric: 1,
  });
  await within(two.all, 'both');
  expect(seen[0]).toMatchObject({
    id: 'tailed',
    type: 'ml.label.received',
    key: 'tail',
    stream: '',
    sequence: 0,
  });
  expect(seen[1]?.subject).toBe('ml.progress.run-1');
  await stop();
  await bus.publish(labelReceived, 'tail', label('later'), { id: unique('l') });
  await bus.nc.flush();
  expect(seen).toHaveLength(2);
});

test('a replay that goes on survives a crash of the broker', async () => {
  const model = unique('survivor');
  const second = deferred();
  const versions: number[] = [];
  const replay = await bus.replay(promoted, {
    key: model,
    untilCaughtUp: false,
    onEvent: (event) => {
      versions.push(event.data.version);
      if (event.data.version === 2) second.resolve();
    },
  });
  await bus.publish(promoted, model, promotion(model, 1), { id: unique('p') });
  await until(
    async () => versions.length,
    (n) => n === 1,
    'first',
  );
  await broker.server().kill();
  await broker.server().restart();
  await bus.publish(promoted, model, promotion(model, 2), { id: unique('p') });
  await within(second.promise, 'event after the crash', 25_000);
  expect(versions).toEqual([1, 2]);
  await replay.stop();
  await within(replay.done, 'end');
}, 40_000);

test('reading several types again keeps the order of the stream, ends where told, and passes on what can not be read', async () => {
  const key = unique('all');
  const first = await bus.publish(promoted, key, promotion(key, 1), { id: unique('p') });
  await bus.publish(labelReceived, key, label('between'), { id: unique('l') });
  await bus.publishEncoded(promoted, key, Buffer.from('{'), { id: unique('broken') });
  const last = await bus.publish(promoted, key, promotion(key, 2), { id: unique('p') });
  await bus.publish(promoted, key, promotion(key, 3), { id: unique('p') });
  const seen: string[] = [];
  let invalid = 0;
  const types = [promoted, labelReceived] as unknown as Parameters<Bus['replayAll']>[1];
  const count = await bus.replayAll('ML_EVENTS', types, {
    through: last.sequence,
    onEvent: async (event) =>
      void (event.key === key && seen.push(`${event.type} ${event.sequence - first.sequence}`)),
    onInvalid: (event) => (invalid += Number(event.key === key)),
  });
  expect(seen).toEqual([`${promoted.type} 0`, `${labelReceived.type} 1`, `${promoted.type} 3`]);
  expect(invalid).toBe(1);
  expect(count).toBeGreaterThanOrEqual(3);
  const bounds = await bus.bounds('ML_EVENTS');
  expect(bounds.lastSequence).toBeGreaterThan(last.sequence);
  expect(await bus.replayAll('ML_CAPTURES', types, { onEvent: async () => {} })).toBe(0);
});

test('a reader gets what was lost on its way when the connection broke, without waiting for the next event', async () => {
  const server = await startNatsServer();
  const sockets = new Set<Socket>();
  let deaf = false;
  const proxy = createServer((client) => {
    const upstream = dial({ host: '127.0.0.1', port: server.port });
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => undefined));
    client.pipe(upstream);
    upstream.on('data', (bytes) => {
      if (!deaf) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const { port } = proxy.address() as AddressInfo;
  const direct = await connectBus({ url: server.url, name: 'direct' });
  const bus = await connectBus({ url: `nats://127.0.0.1:${port}`, name: 'behind' });
  try {
    await direct.ensureTopology();
    const seen: string[] = [];
    const got = deferred();
    const replay = await bus.replay(labelReceived, {
      untilCaughtUp: false,
      onEvent: ({ id }) => {
        seen.push(id);
        if (id === 'second') got.resolve();
      },
    });
    await within(replay.caughtUp, 'caught up');
    await direct.publish(labelReceived, 'k', label('p'), { id: 'first' });
    await until(
      async () => seen.length,
      (n) => n === 1,
      'the first is seen',
    );
    deaf = true;
    await direct.publish(labelReceived, 'k', label('p'), { id: 'second' });
    await until(
      async () => (await direct.jsm.consumers.list('ML_EVENTS').next())[0]?.delivered.stream_seq ?? 0,
      (sequence) => sequence === 2,
      'the broker has sent the second',
    );
    for (const socket of sockets) socket.destroy();
    deaf = false;
    await within(got.promise, 'the second is seen after the reconnect');
    expect(seen).toEqual(['first', 'second']);
    await replay.stop();
  } finally {
    await bus.close();
    await direct.close();
    for (const socket of sockets) socket.destroy();
    proxy.close();
    await server.stop();
  }
});
