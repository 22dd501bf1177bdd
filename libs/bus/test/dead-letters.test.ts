import { expect, test } from 'vitest';
import { AckPolicy } from '@nats-io/jetstream';
import { events, RetryableError, TerminalError } from '@rookery/contracts';
import type { DeadLetter as DeadLetterMessage } from '@rookery/proto/rookery/events/v1/monitoring';
import type { Bus, BusEvent, DeadLetter } from '../src/index.js';
import { advisorySubject } from '../src/sweeper.js';
import {
  counter,
  deferred,
  label,
  labelJson,
  labelReceived,
  unique,
  until,
  useBroker,
  within,
} from './fixtures.js';

const broker = useBroker({ config: 'max_payload: 65536' });
const soon = (): number => 10;

/** The first dead letters of one consumer. */
async function lettersOf(bus: Bus, durable: string, n = 1): Promise<BusEvent<DeadLetterMessage>[]> {
  const letters: BusEvent<DeadLetterMessage>[] = [];
  const done = counter(n);
  const replay = await bus.replay(events.deadLetter, {
    key: durable,
    untilCaughtUp: false,
    onEvent: (letter) => {
      letters.push(letter);
      done.hit();
    },
  });
  await within(done.all, `${n} dead letters of ${durable}`);
  await replay.stop();
  return letters;
}

test('an event without the id that its consumers keep it by is refused before it is handled', async () => {
  const bus = await broker.connect();
  const durable = unique('required');
  let handled = 0;
  const consumption = await bus.consume(events.runStarted, {
    durable,
    from: 'new',
    handler: async () => {
      handled += 1;
    },
  });
  bus.nc.publish('ml.run.started.any', '{"model":"m"}');
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data).toMatchObject({
    code: 'RK_MESSAGE_MISSING_FIELD',
    details: { field: 'runId', event: 'ml.run.started' },
    attempts: 1,
  });
  // A name with a dot would be a path within the documents of those that keep it.
  bus.nc.publish('ml.run.started.any', '{"runId":"a.b"}');
  const [, second] = await lettersOf(bus, durable, 2);
  expect(second?.data).toMatchObject({ code: 'RK_KEY_INVALID', attempts: 1 });
  expect(handled).toBe(0);
  await consumption.stop(1_000);
  await bus.close();
});

test('a terminal error goes to the dead letters at once, with everything needed to look at it and send it again', async () => {
  const bus = await broker.connect();
  const durable = unique('terminal');
  let attempts = 0;
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async () => {
      attempts += 1;
      throw new TerminalError('RK_LABEL_INVALID', 'no such class', {
        details: { field: 'label' },
        hint: 'use a class',
      });
    },
  });
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  const id = unique('event');
  const { sequence } = await bus.publish(labelReceived, 'key-1', label('p1'), {
    id,
    correlationId: 'run-1',
    traceparent,
  });
  const [letter] = await lettersOf(bus, durable);
  expect(attempts).toBe(1);
  expect(letter?.id).toBe(`dlq:ML_EVENTS:${sequence}:${durable}`);
  expect(letter?.correlationId).toBe('run-1');
  expect(letter?.causationId).toBe(id);
  expect(letter?.data).toMatchObject({
    subject: 'ml.label.received.key-1',
    stream: 'ML_EVENTS',
    sequence,
    consumer: durable,
    code: 'RK_LABEL_INVALID',
    message: 'no such class',
    hint: 'use a class',
    details: { field: 'label' },
    attempts: 1,
    eventId: id,
    correlationId: 'run-1',
    traceId: '0af7651916cd43dd8448eb211c80319c',
    service: 'tester',
  });
  expect(letter?.data.headers).toMatchObject({ 'ce-id': id, 'ce-type': 'ml.label.received' });
  expect(letter?.data.stack).toContain('dead-letters.test');
  expect(JSON.parse(Buffer.from(letter?.data.payload ?? []).toString())).toEqual(labelJson('p1'));
  await until(
    () => consumption.lag(),
    (lag) => lag.ackPending === 0,
    'ended',
  );
  await consumption.stop();
});

test('an unknown field is refused by name, without running the handler', async () => {
  const bus = await broker.connect();
  const durable = unique('unknown-field');
  let ran = 0;
  const consumption = await bus.consume(events.datasetReady, {
    durable,
    from: 'new',
    handler: async () => void (ran += 1),
  });
  bus.nc.publish('ml.dataset.ready', '{"name":"a","uri":"file:///a.csv","target":"t","foldz":5}');
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data).toMatchObject({
    code: 'RK_MESSAGE_UNKNOWN_FIELD',
    details: { field: 'foldz' },
    attempts: 1,
  });
  expect(letter?.data.message).toContain('foldz');
  expect(Buffer.from(letter?.data.payload ?? []).toString()).toContain('"foldz":5');
  expect(ran).toBe(0);
  await consumption.stop();
});

test('bytes that are no JSON at all are kept as they came', async () => {
  const bus = await broker.connect();
  const durable = unique('garbage');
  const letters: DeadLetter<unknown>[] = [];
  const consumption = await bus.consume(events.datasetReady, {
    durable,
    from: 'new',
    handler: async () => {},
    onDeadLetter: async (letter) => void letters.push(letter),
  });
  const garbage = Uint8Array.of(0, 255, 254, 1, 2);
  bus.nc.publish('ml.dataset.ready', garbage);
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data.code).toBe('RK_MESSAGE_MALFORMED');
  expect([...(letter?.data.payload ?? [])]).toEqual([...garbage]);
  await until(
    async () => letters.length,
    (n) => n === 1,
    'onDeadLetter',
  );
  expect(letters[0]).toMatchObject({ code: 'RK_MESSAGE_MALFORMED', attempts: 1 });
  expect(letters[0]).not.toHaveProperty('event');
  await consumption.stop();
});

test('the last attempt goes to the dead letters with the error of that attempt', async () => {
  const bus = await broker.connect();
  const durable = unique('last');
  let attempts = 0;
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    maxDeliver: 3,
    retryDelay: soon,
    handler: async (_, { attempt }) => {
      attempts += 1;
      throw new RetryableError('RK_UNAVAILABLE', `attempt ${attempt}`);
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data).toMatchObject({ code: 'RK_UNAVAILABLE', message: 'attempt 3', attempts: 3 });
  expect(attempts).toBe(3);
  await until(
    () => consumption.lag(),
    (lag) => lag.ackPending === 0,
    'ended',
  );
  await consumption.stop();
});

test('onDeadLetter runs after the letter is stored, and if it fails all of it is tried again, as one letter', async () => {
  const bus = await broker.connect();
  const durable = unique('hook');
  const stored: number[] = [];
  const done = deferred();
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    retryDelay: soon,
    handler: async () => {
      throw new TerminalError('RK_LABEL_INVALID', 'no such class');
    },
    onDeadLetter: async ({ event, code }) => {
      expect(event?.data.predictionId).toBe('p');
      expect(code).toBe('RK_LABEL_INVALID');
      stored.push((await lettersOf(bus, durable)).length);
      if (stored.length === 1) throw new Error('the announcement failed');
      done.resolve();
    },
  });
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await within(done.promise, 'second announcement');
  await until(
    () => consumption.lag(),
    (lag) => lag.ackPending === 0,
    'ended',
  );
  expect(stored).toEqual([1, 1]);
  const info = await bus.jsm.streams.info('ML_DLQ', { subjects_filter: `ml.dlq.${durable}` });
  expect(info.state.subjects).toEqual({ [`ml.dlq.${durable}`]: 1 });
  await consumption.stop();
});

test('a letter that would be too large is stored without its payload, saying where the original is', async () => {
  const bus = await broker.connect();
  const durable = unique('large');
  const consumption = await bus.consume(labelReceived, {
    durable,
    from: 'new',
    handler: async () => {
      throw new TerminalError('RK_LABEL_INVALID', 'no such class');
    },
  });
  const { sequence } = await bus.publish(
    labelReceived,
    'k',
    { ...label('p'), label: 'x'.repeat(64_500) },
    { id: unique('event') },
  );
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data.payload).toHaveLength(0);
  expect(letter?.data.details['payload_omitted']).toContain(`ML_EVENTS at sequence ${sequence}`);
  await consumption.stop();
});

/** Takes deliveries like a worker that dies each time before any verdict. */
async function crashWorkers(bus: Bus, durable: string, times: number): Promise<void> {
  for (let taken = 0; taken < times;) {
    const consumer = await bus.js.consumers.get('ML_EVENTS', durable);
    if (await consumer.next({ expires: 1_000 })) taken += 1;
  }
}

test('an event whose worker dies is delivered to the next one', async () => {
  const bus = await broker.connect();
  const durable = unique('crash');
  await (
    await bus.consume(labelReceived, { durable, from: 'new', ackWaitMs: 200, handler: async () => {} })
  ).stop();
  const id = unique('event');
  await bus.publish(labelReceived, 'k', label('p'), { id });
  await crashWorkers(bus, durable, 1);
  const got = deferred<[string, number]>();
  const consumption = await bus.consume(labelReceived, {
    durable,
    ackWaitMs: 200,
    handler: async (event, { attempt }) => got.resolve([event.id, attempt]),
  });
  expect(await within(got.promise, 'redelivery')).toEqual([id, 2]);
  await consumption.stop();
});

test('a poison event that kills its worker every time ends as a dead letter, without running the handler again', async () => {
  const bus = await broker.connect();
  const durable = unique('poison');
  const options = { durable, maxDeliver: 2, ackWaitMs: 200 };
  let ran = 0;
  const handler = async (): Promise<void> => void (ran += 1);
  await (await bus.consume(labelReceived, { ...options, from: 'new', handler })).stop();
  await bus.publish(labelReceived, 'k', label('p'), { id: unique('event') });
  await crashWorkers(bus, durable, 2);
  const consumption = await bus.consume(labelReceived, { ...options, handler });
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data).toMatchObject({ code: 'RK_ATTEMPTS_EXHAUSTED', attempts: 2 });
  expect(ran).toBe(0);
  await consumption.stop();
});

test("an event that even the dispatcher could not give up is swept up from the broker's advisory", async () => {
  const bus = await broker.connect();
  const durable = unique('swept');
  const options = { durable, maxDeliver: 1, ackWaitMs: 200 };
  const handler = async (): Promise<void> => {};
  await (await bus.consume(labelReceived, { ...options, from: 'new', handler })).stop();
  const id = unique('event');
  const { sequence } = await bus.publish(labelReceived, 'k', label('p'), { id, correlationId: 'run-5' });
  // One delivery for the handler, one for the dispatcher: all that the broker gives.
  await crashWorkers(bus, durable, 2);
  const announced: DeadLetter<unknown>[] = [];
  const consumption = await bus.consume(labelReceived, {
    ...options,
    handler,
    onDeadLetter: async (letter) => void announced.push(letter),
  });
  const [letter] = await lettersOf(bus, durable);
  expect(letter?.data).toMatchObject({
    code: 'RK_ATTEMPTS_EXHAUSTED',
    stream: 'ML_EVENTS',
    sequence,
    eventId: id,
    correlationId: 'run-5',
    attempts: 1,
  });
  expect(JSON.parse(Buffer.from(letter?.data.payload ?? []).toString())).toEqual(labelJson('p'));
  await until(
    async () => announced.length,
    (n) => n === 1,
    'announced',
  );
  expect(announced[0]).toMatchObject({ code: 'RK_ATTEMPTS_EXHAUSTED', event: { id, data: label('p') } });
  await consumption.stop();
});

test('an advisory about an event that its stream no longer has is settled, not tried for ever', async () => {
  const bus = await broker.connect();
  const durable = unique('vanished');
  const consumption = await bus.consume(labelReceived, { durable, from: 'new', handler: async () => {} });
  const advisory = { stream: 'ML_EVENTS', consumer: durable, stream_seq: 999_999, deliveries: 6 };
  bus.nc.publish(advisorySubject('ML_EVENTS', durable), JSON.stringify(advisory));
  const info = await until(
    () => bus.jsm.consumers.info('ML_ADVISORIES', `sweep-${durable}`),
    (i) => i.delivered.consumer_seq >= 1 && i.num_ack_pending === 0,
    'advisory settled',
  );
  expect(info.num_redelivered).toBe(0);
  expect(info.config.ack_policy).toBe(AckPolicy.Explicit);
  await consumption.stop();
});
