import fc from 'fast-check';
import { headers as natsHeaders } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { decodeMeta, encodeHeaders, headerNames, parseTraceparent } from '../src/index.js';
import { decodeHeaderValue, encodeHeaderValue } from '../src/cloud-events.js';
import { parseAckSubject } from '../src/ack-subject.js';
import { nanosOfTimestamp } from '../src/timestamps.js';

const envelope = {
  subject: 'ml.label.received.penguins',
  stream: 'ML_EVENTS',
  sequence: 7,
  storedAtNanos: 1_700_000_000_123_456_789n,
  deliveryCount: 1,
};
const event = { type: 'ml.label.received', keyed: true };

test('a header value is printable ASCII without space, quote and percent sign, and comes back as it was', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (value) => {
      const encoded = encodeHeaderValue(value);
      expect(encoded).toMatch(/^(?:[\x21\x23\x24\x26-\x7e]|%[0-9A-F]{2})*$/);
      expect(decodeHeaderValue(encoded)).toBe(value);
    }),
  );
});

test('the attributes written are the attributes read', () => {
  const headers = encodeHeaders({
    id: 'id with spaces é',
    type: 'ml.label.received',
    key: 'penguins',
    source: '/services/monitor',
    time: new Date('2024-05-06T07:08:09.010Z'),
    encoding: 'json',
    correlationId: 'run-1',
    causationId: 'cause-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  });
  expect(headers.get('ce-specversion')).toBe('1.0');
  expect(headers.get('ce-datacontenttype')).toBe('application/json');
  expect(headers.get(headerNames.messageId)).toBe(headers.get('ce-id'));
  expect(headers.keys().filter((name) => name.startsWith('ce-'))).toEqual(
    headers.keys().filter((name) => name.toLowerCase().startsWith('ce-')),
  );
  expect(decodeMeta(headers, envelope, event)).toEqual({
    id: 'id with spaces é',
    type: 'ml.label.received',
    subject: 'ml.label.received.penguins',
    key: 'penguins',
    source: '/services/monitor',
    time: new Date('2024-05-06T07:08:09.010Z'),
    correlationId: 'run-1',
    causationId: 'cause-1',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    deliveryCount: 1,
    stream: 'ML_EVENTS',
    sequence: 7,
  });
});

test('a message without headers gets an id that depends on nothing but its place in the stream', () => {
  const first = decodeMeta(undefined, envelope, event);
  const again = decodeMeta(natsHeaders(), { ...envelope, deliveryCount: 3 }, event);
  expect(again.id).toBe(first.id);
  expect(first.id).toMatch(/^evt-[0-9a-f]{32}$/);
  expect(first.correlationId).toBe(first.id);
  expect(first.source).toBe('/external');
  expect(first.time.toISOString()).toBe('2023-11-14T22:13:20.123Z');
  for (const other of [
    { sequence: 8 },
    { stream: 'ML_JOBS' },
    { storedAtNanos: envelope.storedAtNanos + 1n },
  ]) {
    expect(decodeMeta(undefined, { ...envelope, ...other }, event).id).not.toBe(first.id);
  }
});

test("a client's own message id is used, and its ce-id before that, in whatever case", () => {
  const headers = natsHeaders();
  headers.set('Nats-Msg-Id', 'mine');
  expect(decodeMeta(headers, envelope, event).id).toBe('mine');
  headers.set('Ce-Id', 'ours');
  expect(decodeMeta(headers, envelope, event).id).toBe('ours');
});

test.each([
  '',
  'x',
  '00-0-0-00',
  `00-${'0'.repeat(32)}-b7ad6b7169203331-01`,
  `ff-${'a'.repeat(32)}-b7ad6b7169203331-01`,
])('a bad traceparent is no traceparent: %s', (header) => {
  expect(parseTraceparent(header)).toBeUndefined();
});

test('nanoseconds survive: the two ways to learn when a message was stored agree', () => {
  const old = parseAckSubject('$JS.ACK.ML_EVENTS.worker.2.77.3.1700000000123456789.4');
  const current = parseAckSubject('$JS.ACK.hub.ACCHASH.ML_EVENTS.worker.2.77.3.1700000000123456789.4.token');
  expect(old).toEqual({
    stream: 'ML_EVENTS',
    consumer: 'worker',
    deliveryCount: 2,
    streamSequence: 77,
    timestampNanos: 1_700_000_000_123_456_789n,
    pending: 4,
  });
  expect(current).toEqual(old);
  expect(nanosOfTimestamp('2023-11-14T22:13:20.123456789Z')).toBe(1_700_000_000_123_456_789n);
  expect(nanosOfTimestamp('2023-11-14T22:13:20Z')).toBe(1_700_000_000_000_000_000n);
  expect(parseAckSubject('_INBOX.x')).toBeUndefined();
});
