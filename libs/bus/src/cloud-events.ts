import { createHash } from 'node:crypto';
import { headers as natsHeaders, Match } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { EventMeta } from './types.js';

/** Every header that the bus reads or writes. Lower case: NATS headers keep their case and are compared exactly. */
export const headerNames = {
  specversion: 'ce-specversion',
  id: 'ce-id',
  source: 'ce-source',
  type: 'ce-type',
  subject: 'ce-subject',
  time: 'ce-time',
  datacontenttype: 'ce-datacontenttype',
  correlationId: 'ce-correlationid',
  causationId: 'ce-causationid',
  traceparent: 'traceparent',
  messageId: 'Nats-Msg-Id',
  /** On a redriven event: id of the event that was given up. */
  redriveOf: 'x-redrive-of',
  /** On a redriven event: id of the dead letter it was taken from. */
  redriveLetter: 'x-redrive-letter',
  /** On a redriven event: how often it was redriven by now. */
  redriveCount: 'x-redrive-count',
} as const;

/** Source of an event whose publisher did not name itself. */
export const externalSource = '/external';

/** `ce-source` of a service of ours. */
export function serviceSource(service: string): string {
  return `/services/${service}`;
}

/**
 * Percent-encodes a header value as the CloudEvents NATS binding asks: space, `"`, `%`, control and non-ASCII
 * characters, the latter as UTF-8.
 */
export function encodeHeaderValue(value: string): string {
  return value.replace(/[^\x21\x23\x24\x26-\x7e]+/gu, (run) =>
    [...new TextEncoder().encode(run)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  );
}

/** Reverse of `encodeHeaderValue`; a value that is not valid percent-encoding is taken as it is. */
export function decodeHeaderValue(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/** The attributes of an event to be published. */
export interface OutgoingMeta {
  id: string;
  type: string;
  key: string;
  source: string;
  time: Date;
  encoding: 'json' | 'protobuf';
  correlationId: string;
  causationId?: string | undefined;
  traceparent?: string | undefined;
}

/** Headers of a CloudEvent 1.0 in NATS binary mode, with `Nats-Msg-Id` = `ce-id`. */
export function encodeHeaders(meta: OutgoingMeta): MsgHdrs {
  const headers = natsHeaders();
  const set = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') headers.set(name, encodeHeaderValue(value));
  };
  set(headerNames.specversion, '1.0');
  set(headerNames.id, meta.id);
  set(headerNames.source, meta.source);
  set(headerNames.type, meta.type);
  set(headerNames.subject, meta.key);
  set(headerNames.time, meta.time.toISOString());
  set(headerNames.datacontenttype, meta.encoding === 'json' ? 'application/json' : 'application/protobuf');
  set(headerNames.correlationId, meta.correlationId);
  set(headerNames.causationId, meta.causationId);
  if (meta.traceparent !== undefined) headers.set(headerNames.traceparent, meta.traceparent);
  headers.set(headerNames.messageId, encodeHeaderValue(meta.id));
  return headers;
}

/** What the broker knows about a message, from whichever way it was read. */
export interface Envelope {
  subject: string;
  stream: string;
  sequence: number;
  storedAtNanos: bigint;
  deliveryCount: number;
}

/**
 * Attributes of a message, whatever its publisher sent. No header is needed: an id is derived from stream, sequence
 * and the broker's time (the same for every redelivery and every reader); a `ce-id` or `Nats-Msg-Id` wins over it.
 * The event type says where the key stands.
 */
export function decodeMeta(
  headers: MsgHdrs | undefined,
  envelope: Envelope,
  event?: { type: string; keyed: boolean },
): EventMeta {
  const read = (name: string): string | undefined => {
    // Go clients write `Ce-Id`: take any case where the exact one is missing.
    const value = headers?.get(name) || headers?.get(name, Match.IgnoreCase);
    return value === undefined || value === '' ? undefined : decodeHeaderValue(value);
  };
  const id = read(headerNames.id) ?? read(headerNames.messageId) ?? derivedId(envelope);
  const storedAt = new Date(Number(envelope.storedAtNanos / 1_000_000n));
  const claimed = new Date(read(headerNames.time) ?? Number.NaN);
  const causationId = read(headerNames.causationId);
  const traceparent = read(headerNames.traceparent);
  const redriveCount = Number(read(headerNames.redriveCount) ?? '0');
  return {
    id,
    type: event?.type ?? read(headerNames.type) ?? envelope.subject,
    subject: envelope.subject,
    key: event ? keyOf(envelope.subject, event) : (read(headerNames.subject) ?? ''),
    source: read(headerNames.source) ?? externalSource,
    time: Number.isNaN(claimed.getTime()) ? storedAt : claimed,
    correlationId: read(headerNames.correlationId) ?? id,
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
    deliveryCount: envelope.deliveryCount,
    stream: envelope.stream,
    sequence: envelope.sequence,
    ...(Number.isInteger(redriveCount) && redriveCount > 0 ? { redriveCount } : {}),
  };
}

/** Payload encoding that the publisher declared; the event type's own where it declared none. */
export function declaredEncoding(
  headers: MsgHdrs | undefined,
  fallback: 'json' | 'protobuf',
): 'json' | 'protobuf' {
  const type = decodeHeaderValue(headers?.get(headerNames.datacontenttype) ?? '').toLowerCase();
  if (type.includes('protobuf')) return 'protobuf';
  return type.includes('json') ? 'json' : fallback;
}

/** First value of each header, decoded. */
export function headersToRecord(headers: MsgHdrs | undefined): Record<string, string> {
  const record: Record<string, string> = {};
  for (const name of headers?.keys() ?? []) record[name] = headers?.get(name) ?? '';
  return record;
}

function keyOf(subject: string, event: { type: string; keyed: boolean }): string {
  return event.keyed ? subject.slice(event.type.length + 1) : '';
}

function derivedId(envelope: Envelope): string {
  const digest = createHash('sha256')
    .update(`${envelope.stream}\n${envelope.sequence}\n${envelope.storedAtNanos}`)
    .digest('hex');
  return `evt-${digest.slice(0, 32)}`;
}
