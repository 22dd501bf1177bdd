import { LabelReceived } from '@rookery/proto/rookery/events/v1/dataset';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { events, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import {
  DeadLetter as DeadLetterMessage,
  PredictionsCaptured,
} from '@rookery/proto/rookery/events/v1/monitoring';
import { expect, test } from 'vitest';

import { headerNames, viewPayload } from '../src/index.js';
import type { Bus, BusEvent, Consumption, StoredDeadLetter } from '../src/index.js';
import {
  counter,
  deferred,
  label,
  labelJson,
  labelReceived,
  recordingLogger,
  unique,
  until,
  useBroker,
  within,
} from './fixtures.js';

const broker = useBroker({ config: 'max_payload: 65536' });
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** A consumer that gives up everything until it is mended; then it keeps what it gets. */
async function sickConsumer<T>(
  bus: Bus,
  event: EventType<T>,
): Promise<{ durable: string; handled: BusEvent<T>[]; mend: () => void; consumption: Consumption }> {
  const durable = unique('sick');
  const handled: BusEvent<T>[] = [];
  let sick = true;
  const consumption = await bus.consume(event, {
    durable,
    from: 'new',
    handler: async (received) => {
      if (sick) throw new TerminalError('RK_LABEL_INVALID', 'no such class', { hint: 'use a class' });
      handled.push(received);
    },
  });
  return { durable, handled, mend: () => (sick = false), consumption };
}

/** The letters of a consumer, once there are `n`. */
async function lettersOf(bus: Bus, consumer: string, n = 1): Promise<StoredDeadLetter[]> {
  const list = async (): Promise<StoredDeadLetter[]> => (await bus.deadLetters.list({ consumer })).letters;
  return until(list, (letters) => letters.length >= n, `${n} letters of ${consumer}`);
}

async function oneLetter(bus: Bus, consumer: string): Promise<StoredDeadLetter> {
  const [letter] = await lettersOf(bus, consumer);
  if (!letter) throw new Error('no letter');
  return letter;
}

/** Puts a letter where the services put theirs. */
async function storeLetter(bus: Bus, consumer: string, fields: Partial<DeadLetterMessage>): Promise<number> {
  const letter = DeadLetterMessage.fromPartial({
    subject: 'ml.label.received.k',
    stream: 'ML_EVENTS',
    sequence: 1,
    consumer,
    eventId: unique('event'),
    code: 'RK_LABEL_INVALID',
    timeMs: Date.UTC(2026, 0, 2),
    ...fields,
  });
  return (await bus.publish(events.deadLetter, consumer, letter, { id: unique('letter') })).sequence;
}

/** How many messages a subject has, and the last one. */
async function storedOn(
  bus: Bus,
  subject: string,
): Promise<{ count: number; headers: Record<string, string>; body: string }> {
  const info = await bus.jsm.streams.info('ML_EVENTS', { subjects_filter: subject });
  const last = await bus.jsm.streams.getMessage('ML_EVENTS', { last_by_subj: subject });
  const headers = Object.fromEntries(
    [...(last?.header?.keys() ?? [])].map((name) => [name, last?.header.get(name) ?? '']),
  );
  return { count: info.state.subjects?.[subject] ?? 0, headers, body: last?.string() ?? '' };
}

/** Settled: everything published so far was handled or given up. */
const idle = (consumption: Consumption): Promise<unknown> =>
  until(
    () => consumption.lag(),
    (lag) => lag.pending === 0 && lag.ackPending === 0,
    'idle',
  );

test('letters are listed oldest first, page by page, without a gap or a repetition, for one consumer or all', async () => {
  const bus = await broker.connect();
  const [mine, other] = [unique('pages'), unique('pages')];
  const ids: number[] = [];
  for (let k = 0; k < 7; k++) {
    ids.push(await storeLetter(bus, mine, { message: `m${k}` }));
    await storeLetter(bus, other, {});
  }
  const seen: number[] = [];
  const sizes: number[] = [];
  for (let after: number | undefined = 0; after !== undefined;) {
    const page = await bus.deadLetters.list({ consumer: mine, after, limit: 3 });
    seen.push(...page.letters.map(({ id }) => id));
    sizes.push(page.letters.length);
    after = page.next;
  }
  expect(seen).toEqual(ids);
  expect(sizes).toEqual([3, 3, 1]);
  const all = await bus.deadLetters.list({ after: (ids[0] ?? 0) - 1, limit: 4 });
  expect(all.letters.map(({ consumer }) => consumer)).toEqual([mine, other, mine, other]);
  expect(await bus.deadLetters.counts()).toMatchObject({ [mine]: 7, [other]: 7 });
  expect(await bus.deadLetters.list({ consumer: unique('nobody') })).toEqual({
    letters: [],
    next: undefined,
  });
  await expect(bus.deadLetters.list({ consumer: 'a.>' })).rejects.toMatchObject({ code: 'RK_KEY_INVALID' });
});

test('a walk over all letters ends at those that were there when it began', async () => {
  const bus = await broker.connect();
  const consumer = unique('walk');
  const ids = [await storeLetter(bus, consumer, {}), await storeLetter(bus, consumer, {})];
  const seen: number[] = [];
  for await (const { id } of bus.deadLetters.each({ consumer })) {
    seen.push(id);
    await storeLetter(bus, consumer, {});
  }
  expect(seen).toEqual(ids);
});

test('bytes that could not be decoded are shown as they came', async () => {
  const bus = await broker.connect();
  const { durable, consumption } = await sickConsumer(bus, events.datasetReady);
  const garbage = Uint8Array.of(0, 255, 254, 1, 2);
  bus.nc.publish('ml.dataset.ready', garbage);
  const { id } = await oneLetter(bus, durable);
  const shown = await bus.deadLetters.get(id);
  expect([...(shown.payload ?? [])]).toEqual([...garbage]);
  expect(shown.letter).toMatchObject({ code: 'RK_MESSAGE_MALFORMED', attempts: 1 });
  expect(viewPayload(shown.letter.subject, shown.letter.headers, garbage)).toEqual({
    kind: 'bytes',
    base64: 'AP/+AQI=',
  });
  await consumption.stop();
});

test('a payload is shown as JSON, as the message of its event, as text or as bytes, whatever it is', () => {
  const view = (subject: string, bytes: Uint8Array | string, headers = {}): unknown =>
    viewPayload(subject, headers, Buffer.from(bytes));
  const captures = PredictionsCaptured.encode(
    PredictionsCaptured.fromPartial({ model: 'penguins' }),
  ).finish();
  expect(view('ml.label.received.k', '{"label":"a"}')).toEqual({ kind: 'json', value: { label: 'a' } });
  expect(view('ml.label.received.k', '{"label":')).toEqual({ kind: 'text', text: '{"label":' });
  expect(view('ml.prediction.captured.penguins', captures)).toMatchObject({
    kind: 'protobuf',
    message: 'rookery.events.v1.PredictionsCaptured',
    value: { model: 'penguins' },
  });
  expect(view('ml.prediction.captured.penguins', Uint8Array.of(255, 255, 255))).toEqual({
    kind: 'bytes',
    base64: '////',
  });
  expect(view('ml.prediction.captured.penguins', '{}', { 'ce-datacontenttype': 'application/json' })).toEqual(
    { kind: 'json', value: {} },
  );
  expect(view('nobody.knows', 'abc\u0001')).toEqual({ kind: 'bytes', base64: 'YWJjAQ==' });
});

test('something that is no letter at all can be listed, shown and dropped, but not redriven', async () => {
  const bus = await broker.connect();
  const consumer = unique('stranger');
  const { seq } = await bus.js.publish(`ml.dlq.${consumer}`, Uint8Array.of(255, 1, 2));
  const [letter] = await lettersOf(bus, consumer);
  expect(letter).toMatchObject({ id: seq, readable: false, letter: { code: 'RK_MESSAGE_MALFORMED' } });
  await expect(bus.deadLetters.redrive(seq)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_UNUSABLE' });
  await bus.deadLetters.drop(seq);
  await expect(bus.deadLetters.get(seq)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_NOT_FOUND' });
});

test('a redriven event is handled once, within the duplicate window, with its own bytes, id, cause and trace', async () => {
  const bus = await broker.connect();
  const { durable, handled, mend, consumption } = await sickConsumer(bus, labelReceived);
  const [key, id] = [unique('key'), unique('event')];
  const time = new Date('2026-01-02T03:04:05.678Z');
  await bus.publish(labelReceived, key, label('p1'), {
    id,
    correlationId: 'run-1',
    causationId: 'cause-1',
    time,
    traceparent,
  });
  const letter = await oneLetter(bus, durable);
  mend();
  const result = await bus.deadLetters.redrive(letter.id);
  await until(
    async () => handled.length,
    (n) => n > 0,
    'handled',
  );
  await idle(consumption);
  expect(handled).toHaveLength(1);
  expect(handled[0]).toMatchObject({
    id,
    key,
    correlationId: 'run-1',
    causationId: 'cause-1',
    time,
    traceparent,
    data: label('p1'),
  });
  expect(result).toMatchObject({
    eventId: id,
    duplicate: false,
    stream: 'ML_EVENTS',
    sequence: handled[0]?.sequence,
  });
  const stored = await storedOn(bus, `ml.label.received.${key}`);
  expect(stored.count).toBe(2);
  expect(JSON.parse(stored.body)).toEqual(labelJson('p1'));
  expect(stored.headers[headerNames.messageId]).toBe(result.messageId);
  expect(result.messageId).not.toBe(id);
  expect(stored.headers).toMatchObject({
    [headerNames.id]: id,
    [headerNames.source]: '/services/tester',
    [headerNames.redriveOf]: id,
    [headerNames.redriveLetter]: letter.letterId,
    [headerNames.redriveCount]: '1',
  });
  expect(await bus.deadLetters.list({ consumer: durable })).toEqual({ letters: [], next: undefined });
  await expect(bus.deadLetters.redrive(letter.id)).rejects.toMatchObject({
    code: 'RK_DEAD_LETTER_NOT_FOUND',
  });
  await consumption.stop();
});

test('an event that was published without any header keeps the id that was made up for it', async () => {
  const bus = await broker.connect();
  const { durable, handled, mend, consumption } = await sickConsumer(bus, events.datasetReady);
  const first = deferred<string>();
  const healthy = await bus.consume(events.datasetReady, {
    durable: unique('healthy'),
    from: 'new',
    handler: async ({ id }) => first.resolve(id),
  });
  bus.nc.publish('ml.dataset.ready', '{"name":"a","uri":"file:///a.csv","target":"t"}');
  const id = await within(first.promise, 'first delivery');
  const letter = await oneLetter(bus, durable);
  expect(letter.letter.eventId).toBe(id);
  mend();
  await bus.deadLetters.redrive(letter.id);
  await until(
    async () => handled.length,
    (n) => n > 0,
    'handled',
  );
  expect(handled.map((event) => [event.id, event.correlationId, event.source])).toEqual([
    [id, id, '/external'],
  ]);
  expect(handled[0]?.time.getTime()).toBe(letter.letter.timeMs);
  await healthy.stop();
  await consumption.stop();
});

test("orders of the publisher to the broker are not repeated, and headers in another program's case are not doubled", async () => {
  const bus = await broker.connect();
  const { durable, handled, mend, consumption } = await sickConsumer(bus, labelReceived);
  const [key, id] = [unique('key'), unique('event')];
  const subject = `ml.label.received.${key}`;
  const headers = natsHeaders();
  headers.set('Ce-Id', id);
  headers.set('X-Own', 'kept');
  headers.set('Nats-Expected-Last-Subject-Sequence', '0');
  await bus.js.publish(subject, JSON.stringify(label('p')), { headers });
  const letter = await oneLetter(bus, durable);
  mend();
  await bus.deadLetters.redrive(letter.id);
  await until(
    async () => handled.length,
    (n) => n > 0,
    'handled',
  );
  const stored = await storedOn(bus, subject);
  expect(Object.keys(stored.headers)).not.toContain('Ce-Id');
  expect(Object.keys(stored.headers).filter((name) => /expected/i.test(name))).toEqual([]);
  expect(stored.headers).toMatchObject({ 'X-Own': 'kept', [headerNames.id]: id });
  await consumption.stop();
});

test('an event that fails again is a new letter, which knows that it was redriven', async () => {
  const bus = await broker.connect();
  const { durable, consumption } = await sickConsumer(bus, labelReceived);
  const id = unique('event');
  await bus.publish(labelReceived, 'k', label('p'), { id });
  const first = await oneLetter(bus, durable);
  await bus.deadLetters.redrive(first.id);
  const again = await oneLetter(bus, durable);
  expect(again.id).toBeGreaterThan(first.id);
  expect(again.letter).toMatchObject({ eventId: id, attempts: 1 });
  expect(again.letter.headers[headerNames.redriveCount]).toBe('1');
  await bus.deadLetters.redrive(again.id);
  expect((await oneLetter(bus, durable)).letter.headers[headerNames.redriveCount]).toBe('2');
  await consumption.stop();
});

test('two redrives of one letter at the same time send the event once', async () => {
  const bus = await broker.connect();
  const second = await broker.connect();
  const consumer = unique('twice');
  for (let round = 0; round < 5; round++) {
    const key = unique('key');
    const subject = `ml.label.received.${key}`;
    const id = await storeLetter(bus, consumer, {
      subject,
      payload: Buffer.from(JSON.stringify(label('p'))),
    });
    const results = await Promise.allSettled([bus.deadLetters.redrive(id), second.deadLetters.redrive(id)]);
    const won = results.filter((result) => result.status === 'fulfilled' && !result.value.duplicate);
    const lost = results.filter((result) => !won.includes(result));
    expect(won.length).toBeLessThanOrEqual(1);
    for (const result of lost) {
      if (result.status === 'rejected')
        expect(result.reason).toMatchObject({ code: 'RK_DEAD_LETTER_NOT_FOUND' });
    }
    expect(results.some((result) => result.status === 'fulfilled')).toBe(true);
    expect((await storedOn(bus, subject)).count).toBe(1);
  }
  expect((await bus.deadLetters.list({ consumer })).letters).toEqual([]);
});

test('a redrive that was killed before it removed the letter can be repeated: the event is stored once', async () => {
  const bus = await broker.connect();
  const key = unique('key');
  const subject = `ml.label.received.${key}`;
  const consumer = unique('killed');
  const id = await storeLetter(bus, consumer, { subject, payload: Buffer.from('{}') });
  const remove = bus.jsm.streams.deleteMessage.bind(bus.jsm.streams);
  bus.jsm.streams.deleteMessage = async () => {
    throw new Error('killed');
  };
  await expect(bus.deadLetters.redrive(id)).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
  bus.jsm.streams.deleteMessage = remove;
  expect((await lettersOf(bus, consumer)).map((letter) => letter.id)).toEqual([id]);
  expect(await bus.deadLetters.redrive(id)).toMatchObject({ duplicate: true });
  expect((await storedOn(bus, subject)).count).toBe(1);
  expect((await bus.deadLetters.list({ consumer })).letters).toEqual([]);
});

test('a letter without its payload is shown and redriven from the original, and refused where that is gone', async () => {
  const bus = await broker.connect();
  const { durable, handled, mend, consumption } = await sickConsumer(bus, labelReceived);
  const large = { ...label('p'), label: 'x'.repeat(64_000) };
  const { sequence } = await bus.publish(labelReceived, 'k', large, { id: unique('event') });
  const letter = await oneLetter(bus, durable);
  expect(letter.payload).toBeUndefined();
  expect(JSON.parse(Buffer.from((await bus.deadLetters.get(letter.id)).payload ?? []).toString())).toEqual(
    LabelReceived.toJSON(large),
  );
  mend();
  await bus.deadLetters.redrive(letter.id);
  await until(
    async () => handled.length,
    (n) => n > 0,
    'handled',
  );
  expect(handled[0]?.data).toEqual(large);
  const details = { payload_omitted: '64000 bytes' };
  // The sequence holds a message, but another one than the letter means.
  const strange = await storeLetter(bus, unique('gone'), { sequence, details });
  await expect(bus.deadLetters.redrive(strange)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_UNUSABLE' });
  const gone = await storeLetter(bus, unique('gone'), { sequence: 999_999, details });
  await expect(bus.deadLetters.redrive(gone)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_UNUSABLE' });
  expect((await bus.deadLetters.get(gone)).payload).toBeUndefined();
  await consumption.stop();
});

test('an event that no longer fits with the headers of a redrive is refused, with its size and the limit, and kept', async () => {
  const bus = await broker.connect();
  const { durable, mend, consumption } = await sickConsumer(bus, labelReceived);
  const id = unique('event');
  // As large as the broker takes it: then there is no room for what a redrive adds.
  for (let size = 65_400; ; size -= 20) {
    const filled = { ...label('p'), label: 'x'.repeat(size) };
    const refused = await bus.publish(labelReceived, 'k', filled, { id }).catch((error: unknown) => error);
    if (!(refused instanceof Error)) break;
    expect(refused).toMatchObject({ code: 'RK_MESSAGE_TOO_LARGE' });
  }
  const letter = await oneLetter(bus, durable);
  mend();
  const problem: unknown = await bus.deadLetters.redrive(letter.id).catch((error: unknown) => error);
  expect(problem).toMatchObject({
    code: 'RK_MESSAGE_TOO_LARGE',
    details: { limit: '65536', letter: String(letter.id) },
  });
  expect((problem as TerminalError).hint).toContain('max_payload');
  expect((await bus.deadLetters.get(letter.id)).letter.eventId).toBe(id);
  await consumption.stop();
});

test('a letter can not make anybody publish where no event goes', async () => {
  const bus = await broker.connect();
  const consumer = unique('forged');
  for (const subject of [
    '$JS.API.STREAM.DELETE.ML_EVENTS',
    'ml.label.received.>',
    'ml.label.received.a.b',
    'ml.nothing',
    '_INBOX.x',
  ]) {
    const id = await storeLetter(bus, consumer, { subject });
    await expect(bus.deadLetters.redrive(id)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_UNUSABLE' });
  }
  const headers = { 'bad name:': 'x', ok: 'a\r\nNats-Rollup: all' };
  const id = await storeLetter(bus, consumer, { headers });
  await expect(bus.deadLetters.redrive(id)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_UNUSABLE' });
  expect((await lettersOf(bus, consumer, 6)).length).toBe(6);
});

test('a request can be sent as a new one, with the first as its cause; nothing else can', async () => {
  const bus = await broker.connect({ clock: () => Date.UTC(2026, 5, 1) });
  const { durable, handled, mend, consumption } = await sickConsumer(bus, events.datasetReady);
  const id = unique('request');
  const headers = natsHeaders();
  headers.set('ce-id', id);
  await bus.js.publish('ml.dataset.ready', '{"name":"a","uri":"file:///a.csv","target":"t"}', { headers });
  const letter = await oneLetter(bus, durable);
  mend();
  const { eventId, messageId } = await bus.deadLetters.redrive(letter.id, { asNew: true });
  await until(
    async () => handled.length,
    (n) => n > 0,
    'handled',
  );
  expect(eventId).not.toBe(id);
  expect(eventId).toBe(messageId);
  expect(handled[0]).toMatchObject({ id: eventId, causationId: id, time: new Date(Date.UTC(2026, 5, 1)) });
  const other = await storeLetter(bus, unique('job'), { payload: Buffer.from('{}') });
  await expect(bus.deadLetters.redrive(other, { asNew: true })).rejects.toMatchObject({
    code: 'RK_REQUEST_INVALID',
  });
  await consumption.stop();
});

test('what is dropped is gone, and the log says what it was, who did it and why', async () => {
  const logger = recordingLogger();
  const bus = await broker.connect({ logger });
  const consumer = unique('drop');
  const id = await storeLetter(bus, consumer, { eventId: 'event-9', correlationId: 'run-9' });
  const kept = await storeLetter(bus, consumer, {});
  await bus.deadLetters.drop(id, { actor: 'ada', reason: 'a test' });
  expect((await lettersOf(bus, consumer)).map((letter) => letter.id)).toEqual([kept]);
  await expect(bus.deadLetters.drop(id)).rejects.toMatchObject({ code: 'RK_DEAD_LETTER_NOT_FOUND' });
  expect(logger.lines.filter(({ fields }) => 'audit' in fields)).toMatchObject([
    {
      level: 'warn',
      fields: {
        audit: 'dead_letter_dropped',
        letter: id,
        consumer,
        event_id: 'event-9',
        correlation_id: 'run-9',
        actor: 'ada',
        reason: 'a test',
      },
    },
  ]);
});

test('many letters are redriven oldest first, each once', async () => {
  const bus = await broker.connect();
  const { durable, handled, mend, consumption } = await sickConsumer(bus, labelReceived);
  const done = counter(20);
  const ids = Array.from({ length: 20 }, () => unique('many'));
  for (const id of ids) await bus.publish(labelReceived, 'k', label(id), { id });
  await lettersOf(bus, durable, 20);
  mend();
  for await (const { id } of bus.deadLetters.each({ consumer: durable })) {
    await bus.deadLetters.redrive(id);
    done.hit();
  }
  await within(done.all, 'redriven');
  await until(
    async () => handled.length,
    (n) => n >= 20,
    'handled',
  );
  await idle(consumption);
  expect(handled.map(({ id }) => id)).toEqual(ids);
  await consumption.stop();
});
