import { TimeoutError } from '@nats-io/transport-node';
import { afterEach, expect, test } from 'vitest';
import { connectBus } from '../src/index.js';
import type { Bus } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';
import type { NatsServer } from '../src/testing/index.js';
import { deferred, label, labelReceived, unique, until, within } from './fixtures.js';

let server: NatsServer;
let buses: Bus[] = [];

async function start(): Promise<Bus> {
  server = await startNatsServer();
  const bus = await connectBus({ url: server.url, name: 'tester' });
  buses = [bus];
  await bus.ensureTopology();
  return bus;
}

afterEach(async () => {
  await Promise.all(buses.map((bus) => bus.close()));
  await server.stop();
});

test('killing the broker in the middle of the work loses nothing that was acknowledged, and both sides go on', async () => {
  const bus = await start();
  const seen = new Map<string, number>();
  let expected = Number.POSITIVE_INFINITY;
  const all = deferred();
  const midway = deferred();
  await bus.consume(labelReceived, {
    durable: 'worker',
    concurrency: 4,
    ackWaitMs: 1_000,
    handler: async (event) => {
      seen.set(event.id, (seen.get(event.id) ?? 0) + 1);
      if (seen.size === 50) midway.resolve();
      if (seen.size >= expected) all.resolve();
    },
  });
  const published: string[] = [];
  let publishing = true;
  const publisher = (async () => {
    for (let i = 0; publishing; i++) {
      await bus.publish(labelReceived, 'k', label(`${i}`), { id: `event-${i}` });
      published.push(`event-${i}`);
    }
  })();
  await within(midway.promise, 'work under way');
  for (let round = 0; round < 2; round++) {
    await server.kill();
    await server.restart();
    const before = published.length;
    await until(
      async () => published.length,
      (n) => n > before + 20,
      'publishing goes on',
    );
  }
  publishing = false;
  await within(publisher, 'last publish');
  expected = published.length;
  if (published.every((id) => seen.has(id))) all.resolve();
  await within(all.promise, 'everything handled');
  expect([...seen.keys()].sort()).toEqual([...published].sort());
  // Exactly-once effect: the stream holds each id once, however often a publish was repeated around the crash.
  const stored: string[] = [];
  await (
    await bus.replay(labelReceived, { onEvent: (event) => void stored.push(event.id) })
  ).done;
  expect(stored.sort()).toEqual([...published].sort());
}, 60_000);

test('an idle consumer gets the first event after a restart', async () => {
  const bus = await start();
  const got = deferred<string>();
  await bus.consume(labelReceived, { durable: 'idle', handler: async (event) => got.resolve(event.id) });
  await server.kill();
  await server.restart();
  await bus.publish(labelReceived, 'k', label('p'), { id: 'after' });
  expect(await within(got.promise, 'delivery')).toBe('after');
});

/** Everything a service asks of the broker while it starts. */
function startingQuestions(bus: Bus): Promise<unknown>[] {
  const noEvent = async (): Promise<void> => {};
  return [
    bus.bounds('ML_EVENTS'),
    bus.replayAll('ML_EVENTS', [labelReceived], { onEvent: noEvent }),
    bus.replay(labelReceived, { onEvent: noEvent }).then((replay) => replay.done),
    bus.lastPerKey(labelReceived),
    bus.tail(['ml.>'], () => {}),
    bus.consume(labelReceived, { durable: unique('starting'), handler: noEvent }),
  ];
}

test('a service that starts while the broker goes away is answered when it is back', async () => {
  const bus = await start();
  await bus.publish(labelReceived, 'k', label('p'), { id: 'kept' });
  const asked = startingQuestions(bus);
  await server.kill();
  await until(
    async () => bus.status().connected,
    (up) => !up,
    'loss noticed',
  );
  asked.push(...startingQuestions(bus));
  await server.restart();
  const answers = await within(Promise.all(asked), 'answers');
  for (const [bounds, replayed, , last] of [answers.slice(0, 6), answers.slice(6)]) {
    expect(bounds).toMatchObject({ lastSequence: 1 });
    expect(replayed).toBe(1);
    expect(last).toMatchObject([{ id: 'kept' }]);
  }
});

test('a broker that stays away is reported as RK_BUS_UNAVAILABLE, not waited for without end', async () => {
  server = await startNatsServer();
  const bus = await connectBus({ url: server.url, name: 'tester', connectDeadlineMs: 500 });
  buses = [bus];
  await bus.ensureTopology();
  await server.kill();
  await expect(
    bus.consume(labelReceived, { durable: 'late', handler: async () => {} }),
  ).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE', message: expect.stringContaining('late') });
});

test('a publish made while the broker is away is stored when it is back', async () => {
  const bus = await start();
  await server.kill();
  await until(
    async () => bus.status().connected,
    (up) => !up,
    'loss noticed',
  );
  const publish = bus.publish(labelReceived, 'k', label('p'), { id: 'meanwhile' });
  await server.restart();
  expect(await within(publish, 'publish')).toMatchObject({ duplicate: false });
});

test('a publish fails as retryable when the broker stays away', async () => {
  await start();
  const hasty = await connectBus({ url: server.url, name: 'hasty', publishDeadlineMs: 300 });
  buses.push(hasty);
  await server.kill();
  await expect(hasty.publish(labelReceived, 'k', label('p'), { id: 'never' })).rejects.toMatchObject({
    code: 'RK_BUS_UNAVAILABLE',
    name: 'RetryableError',
  });
});

test('a job that runs while the broker restarts is acknowledged afterwards and not done again', async () => {
  const bus = await start();
  const started = deferred();
  const release = deferred();
  let runs = 0;
  const consumption = await bus.consume(labelReceived, {
    durable: 'long',
    ackWaitMs: 3_000,
    heartbeatMs: 200,
    handler: async () => {
      runs += 1;
      started.resolve();
      await release.promise;
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: 'long-job' });
  await within(started.promise, 'start');
  await server.restart(); // in order: the broker keeps what it knows about deliveries
  await until(async () => bus.status().connected, Boolean, 'connected again');
  release.resolve();
  await until(
    () => consumption.lag(),
    (lag) => lag.ackPending === 0 && lag.pending === 0,
    'acknowledged',
  );
  expect(runs).toBe(1);
});

test('a broker that lost its disk gets its streams and consumers again', async () => {
  const bus = await start();
  const got = deferred<string>();
  await bus.consume(labelReceived, { durable: 'again', handler: async (event) => got.resolve(event.id) });
  for (const { config } of await bus.jsm.streams.list().next()) await bus.jsm.streams.delete(config.name);
  await until(
    () => bus.jsm.consumers.info('ML_EVENTS', 'again').catch(() => undefined),
    (info) => info !== undefined,
    'consumer made again',
  );
  await bus.publish(labelReceived, 'k', label('p'), { id: 'new-life' });
  expect(await within(got.promise, 'delivery')).toBe('new-life');
});

test('starting a service before its broker is no error: it waits', async () => {
  server = await startNatsServer();
  await server.kill();
  const connecting = connectBus({ url: server.url, name: 'early' });
  await server.restart();
  const bus = await within(connecting, 'connection');
  buses = [bus];
  expect(bus.status()).toEqual({ connected: true });
});

test('closing works while the broker is away, and twice', async () => {
  const bus = await start();
  await bus.consume(labelReceived, { durable: 'closing', handler: async () => {} });
  await server.kill();
  await within(bus.close(), 'close');
  await within(bus.close(), 'second close');
  expect(bus.status()).toEqual({ connected: false });
});

test('a reader goes on soon after a restart, also where the broker was too early to be asked for its consumer', async () => {
  const bus = await start();
  const seen = deferred<string>();
  const replay = await bus.replay(labelReceived, {
    untilCaughtUp: false,
    onEvent: (event) => seen.resolve(event.id),
  });
  await within(replay.caughtUp, 'caught up');
  // JetStream answers later than the port: the first look for the consumer after the reconnect meets nobody.
  const request = bus.nc.request.bind(bus.nc);
  let unanswered = 0;
  bus.nc.request = (subject, payload, options) => {
    if (!subject.startsWith('$JS.API.CONSUMER.INFO.') || unanswered > 0)
      return request(subject, payload, options);
    unanswered += 1;
    return Promise.reject(new TimeoutError());
  };
  await server.kill();
  await server.restart();
  await bus.publish(labelReceived, 'k', label('p'), { id: 'after-the-restart' });
  expect(await within(seen.promise, 'the reader sees it', 14_000)).toBe('after-the-restart');
  expect(unanswered).toBe(1);
  await replay.stop();
});
