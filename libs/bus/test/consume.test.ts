import { expect, test } from 'vitest';
import { events, RetryableError, TerminalError } from '@rookery/contracts';
import type { BusEvent } from '../src/index.js';
import { collect } from '../src/testing/index.js';
import {
  counter,
  deferred,
  label,
  labelReceived,
  recordingLogger,
  unique,
  until,
  useBroker,
  within,
} from './fixtures.js';

const broker = useBroker();
const soon = (): number => 10;

test('an event reaches the handler once and is not delivered again', async () => {
  const bus = await broker.connect();
  const durable = unique('once');
  const key = unique('key');
  const got = counter(1);
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (event) => {
      expect(event).toMatchObject({ key, data: label('p1'), deliveryCount: 1, source: '/services/tester' });
      got.hit();
    },
  });
  await bus.publish(labelReceived, key, label('p1'), { id: unique('event') });
  await within(got.all, 'delivery');
  const lag = await until(
    () => consumption.lag(),
    (l) => l.ackPending === 0,
    'acknowledged',
  );
  expect(lag).toMatchObject({ pending: 0, redelivered: 0 });
  expect(got.count()).toBe(1);
  await consumption.stop();
});

test('a duplicate publish has one effect', async () => {
  const bus = await broker.connect();
  const effects: string[] = [];
  const done = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable: unique('dedupe'),
    from: 'new',
    handler: async (event) => {
      effects.push(event.id);
      if (event.id === 'dedupe-end') done.resolve();
    },
  });
  for (let i = 0; i < 3; i++) await bus.publish(labelReceived, 'k', label('p'), { id: 'dedupe-same' });
  await bus.publish(labelReceived, 'k', label('p'), { id: 'dedupe-end' });
  await within(done.promise, 'the end');
  expect(effects).toEqual(['dedupe-same', 'dedupe-end']);
  await consumption.stop();
});

test('the order of first deliveries is the order of publication with one handler at a time', async () => {
  const bus = await broker.connect();
  const seen: string[] = [];
  const all = counter(50);
  const consumption = await bus.consume(labelReceived, {
    durable: unique('order'),
    from: 'new',
    handler: async (event) => {
      seen.push(event.data.predictionId);
      all.hit();
    },
  });
  const ids = Array.from({ length: 50 }, (_, i) => `o${i}`);
  for (const id of ids) await bus.publish(labelReceived, 'k', label(id), { id: unique('order') });
  await within(all.all, 'all 50');
  expect(seen).toEqual(ids);
  await consumption.stop();
});

test('never more handlers at once than the concurrency allows, and as many as it allows', async () => {
  const bus = await broker.connect();
  const open = deferred();
  const three = counter(3);
  const all = counter(7);
  let running = 0;
  let most = 0;
  const consumption = await bus.consume(labelReceived, {
    durable: unique('parallel'),
    from: 'new',
    concurrency: 3,
    handler: async () => {
      running += 1;
      most = Math.max(most, running);
      three.hit();
      await open.promise;
      running -= 1;
      all.hit();
    },
  });
  for (let i = 0; i < 7; i++)
    await bus.publish(labelReceived, 'k', label(`${i}`), { id: unique('parallel') });
  await within(three.all, 'three at once');
  expect(consumption.inFlight()).toBe(3);
  // What no handler holds is still with the broker, not queued in this process.
  expect(await consumption.lag()).toMatchObject({ ackPending: 3, pending: 4 });
  open.resolve();
  await within(all.all, 'all seven');
  expect(most).toBe(3);
  await consumption.stop();
});

test('a handler that fails is tried again until it succeeds, and knows which attempt it is', async () => {
  const bus = await broker.connect();
  const attempts: [number, boolean][] = [];
  const done = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable: unique('retry'),
    from: 'new',
    maxDeliver: 3,
    retryDelay: soon,
    handler: async (_, { attempt, lastAttempt }) => {
      attempts.push([attempt, lastAttempt]);
      if (attempt === 1) throw new Error('no particular reason');
      if (attempt === 2) throw new RetryableError('RK_UNAVAILABLE', 'database away', { afterMs: 5 });
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await within(done.promise, 'third attempt');
  expect(attempts).toEqual([
    [1, false],
    [2, false],
    [3, true],
  ]);
  await consumption.stop();
});

test('an event that is being retried does not hold up the next one', async () => {
  const bus = await broker.connect();
  const seen: string[] = [];
  const done = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable: unique('overtake'),
    from: 'new',
    retryDelay: () => 300,
    handler: async (event, { attempt }) => {
      seen.push(`${event.data.predictionId}#${attempt}`);
      if (event.data.predictionId === 'slow' && attempt === 1) throw new Error('later');
      if (attempt === 2) done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('slow'), { id: unique('event') });
  await bus.publish(labelReceived, 'k', label('next'), { id: unique('event') });
  await within(done.promise, 'second attempt');
  expect(seen).toEqual(['slow#1', 'next#1', 'slow#2']);
  await consumption.stop();
});

test('heartbeats keep a job that takes longer than the ack wait from being delivered twice', async () => {
  const bus = await broker.connect();
  const durable = unique('long');
  let deliveries = 0;
  const done = deferred();
  // The work ends with its 16th heartbeat: four times the ack wait after its begin.
  let heartbeats = 0;
  const worked = deferred();
  bus.nc.subscribe(`$JS.ACK.*.${durable}.>`, {
    callback: (_error, message) => {
      if (message.string() === '+WPI') heartbeats += 1;
      if (heartbeats === 16) worked.resolve();
    },
  });
  await bus.nc.flush();
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    concurrency: 2, // a second worker waits, ready to be given the event again
    ackWaitMs: 400,
    heartbeatMs: 100,
    handler: async () => {
      deliveries += 1;
      await within(worked.promise, '16 heartbeats');
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await within(done.promise, 'the long job');
  const lag = await until(
    () => consumption.lag(),
    (l) => l.ackPending === 0,
    'acknowledged',
  );
  expect(lag.redelivered).toBe(0);
  expect(deliveries).toBe(1);
  await consumption.stop();
});

test('an event published without any header by any client is handled, with the same id at every attempt', async () => {
  const bus = await broker.connect();
  const seen: BusEvent<{ name: string }>[] = [];
  const done = deferred();
  const consumption = await bus.consume(events.datasetReady, {
    durable: unique('headerless'),
    from: 'new',
    retryDelay: soon,
    handler: async (event, { attempt }) => {
      seen.push(event);
      if (attempt === 1) throw new Error('again');
      done.resolve();
    },
  });
  bus.nc.publish('ml.dataset.ready', '{"name":"penguins","uri":"file:///p.csv","target":"species"}');
  await within(done.promise, 'second attempt');
  expect(seen[0]).toMatchObject({
    key: '',
    source: '/external',
    type: 'ml.dataset.ready',
    data: { name: 'penguins' },
  });
  expect(seen[0]?.id).toMatch(/^evt-[0-9a-f]{32}$/);
  expect(seen[1]?.id).toBe(seen[0]?.id);
  expect(seen[1]?.correlationId).toBe(seen[0]?.id);
  await consumption.stop();
});

test('stopping hands back what is running after the grace, and another process goes on with it', async () => {
  const bus = await broker.connect();
  const other = await broker.connect({ name: 'other' });
  const durable = unique('stop');
  const started = deferred();
  const aborted = deferred();
  const first = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    ackWaitMs: 60_000,
    handler: async (_, { signal }) => {
      started.resolve();
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      aborted.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await within(started.promise, 'start');
  await first.stop(50);
  await within(aborted.promise, 'abort signal');
  const second = deferred<number>();
  const takeover = await other.consume(labelReceived, {
    durable,
    from: 'new',
    ackWaitMs: 60_000,
    handler: async (_, { attempt }) => second.resolve(attempt),
  });
  // The ack wait is a minute: only a hand-back can bring it here in time.
  expect(await within(second.promise, 'takeover')).toBe(2);
  await takeover.stop();
});

test('stopping waits for a handler that ends within the grace, and takes no new event', async () => {
  const bus = await broker.connect();
  const durable = unique('grace');
  const started = deferred();
  const release = deferred();
  let handled = 0;
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async () => {
      started.resolve();
      await release.promise;
      handled += 1;
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await within(started.promise, 'start');
  const stopping = consumption.stop(10_000);
  await bus.publish(labelReceived, 'k', label('later'), { id: unique('event') });
  release.resolve();
  await within(stopping, 'stop');
  expect(handled).toBe(1);
  expect(
    await until(
      () => consumption.lag(),
      (l) => l.ackPending === 0,
      'acknowledged',
    ),
  ).toMatchObject({ pending: 1 });
});

test('two connections that share a durable share the work: every event is handled by one of them', async () => {
  const a = await broker.connect({ name: 'a' });
  const b = await broker.connect({ name: 'b' });
  const durable = unique('shared');
  const all = counter(200);
  const by: Record<string, string[]> = { a: [], b: [] };
  const consumptions = await Promise.all(
    [a, b].map((bus) =>
      bus.consume(labelReceived, {
        durable,
        from: 'new',
        concurrency: 2,
        handler: async (event) => {
          by[bus.name]?.push(event.data.predictionId);
          all.hit();
        },
      }),
    ),
  );
  const ids = Array.from({ length: 200 }, (_, i) => `s${i}`);
  await Promise.all(ids.map((id) => a.publish(labelReceived, 'k', label(id), { id: unique('shared') })));
  await within(all.all, 'all 200');
  expect([...(by['a'] ?? []), ...(by['b'] ?? [])].sort()).toEqual(ids.sort());
  expect(by['a']?.length).toBeGreaterThan(0);
  expect(by['b']?.length).toBeGreaterThan(0);
  await Promise.all(consumptions.map((consumption) => consumption.stop()));
});

test('a consumer deleted from under its process is made again and goes on', async () => {
  const bus = await broker.connect();
  const durable = unique('deleted');
  const seen = new Set<string>();
  let hit: () => void = () => {};
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (event) => {
      seen.add(event.data.predictionId);
      hit();
    },
  });
  await bus.jsm.consumers.delete('ML_EVENTS', durable);
  await until(
    () => consumption.lag().catch(() => undefined),
    (lag) => lag !== undefined,
    'consumer made again',
  );
  const got = new Promise<void>((resolve) => (hit = resolve));
  await bus.publish(labelReceived, 'k', label('after'), { id: unique('event') });
  await within(got, 'delivery after deletion');
  expect(seen.has('after')).toBe(true);
  await consumption.stop();
});

test('a second deployment may raise the attempts and change the ack wait, but never strands events by lowering', async () => {
  const bus = await broker.connect();
  const durable = unique('redeploy');
  const handler = async (): Promise<void> => {};
  await (await bus.consume(labelReceived, { durable, maxDeliver: 5, handler })).stop();
  await (await bus.consume(labelReceived, { durable, maxDeliver: 9, ackWaitMs: 5_000, handler })).stop();
  const raised = await bus.jsm.consumers.info('ML_EVENTS', durable);
  expect(raised.config).toMatchObject({ max_deliver: 10, ack_wait: 5_000 * 1e6 });
  await (await bus.consume(labelReceived, { durable, maxDeliver: 2, handler })).stop();
  expect((await bus.jsm.consumers.info('ML_EVENTS', durable)).config.max_deliver).toBe(10);
});

test('the log lines of a handler name event, correlation and attempt', async () => {
  const logger = recordingLogger();
  const bus = await broker.connect({ logger });
  const done = deferred();
  const durable = unique('logs');
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (_, context) => {
      context.logger.info({}, 'at work');
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: 'logged-event', correlationId: 'run-9' });
  await within(done.promise, 'handler');
  expect(logger.lines.find((line) => line.message === 'at work')?.fields).toMatchObject({
    durable,
    event_id: 'logged-event',
    correlation_id: 'run-9',
    attempt: 1,
  });
  await consumption.stop();
});

test.each([
  [{ concurrency: 0 }, 'concurrency'],
  [{ maxDeliver: 0 }, 'maxDeliver'],
  [{ ackWaitMs: 100, heartbeatMs: 100 }, 'heartbeatMs'],
  [{ durable: 'a.b' }, 'durable'],
])('a bad option is refused by name: %j', async (options, name) => {
  const bus = await broker.connect();
  const consume = bus.consume(labelReceived, { durable: 'fine', handler: async () => {}, ...options });
  await expect(consume).rejects.toThrow(name);
});

test('an event given up does not stop the ones behind it', async () => {
  const bus = await broker.connect();
  const done = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable: unique('behind'),
    from: 'new',
    handler: async (event) => {
      if (event.data.predictionId === 'bad') throw new TerminalError('RK_LABEL_INVALID', 'no such class');
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('bad'), { id: unique('event') });
  await bus.publish(labelReceived, 'k', label('good'), { id: unique('event') });
  await within(done.promise, 'the event behind');
  expect((await collect(bus, events.deadLetter, 1))[0]?.data.code).toBe('RK_LABEL_INVALID');
  await consumption.stop();
});

test('an event waits for a store that is away without losing an attempt, and is not delivered to others meanwhile', async () => {
  const bus = await broker.connect();
  const durable = unique('outage');
  const calls: number[] = [];
  const done = deferred();
  await bus.consume(labelReceived, {
    durable,
    from: 'new',
    maxDeliver: 1,
    ackWaitMs: 1_000,
    handler: async (event, { attempt }) => {
      if (event.data.predictionId !== durable) return;
      calls.push(attempt);
      if (calls.length < 4) throw new RetryableError('RK_STORE_UNAVAILABLE', 'no space left on the disk');
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label(durable), { id: unique('event') });
  await within(done.promise, 'handled once the store is back');
  expect(calls).toEqual([1, 1, 1, 1]);
});

test('a consumer that stops hands back what waits for a store that is away', async () => {
  const bus = await broker.connect();
  const durable = unique('outage');
  const waiting = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async (event) => {
      if (event.data.predictionId !== durable) return;
      waiting.resolve();
      throw new RetryableError('RK_ARTIFACT_UNAVAILABLE', 'away');
    },
  });
  await bus.publish(labelReceived, 'k', label(durable), { id: unique('event') });
  await within(waiting.promise, 'the handler has met the outage');
  await within(consumption.stop(60_000), 'stopping does not wait for the end of the outage');
  expect(consumption.inFlight()).toBe(0);
});
