import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { MsgHdrs } from '@nats-io/transport-node';
import type { Link } from '@opentelemetry/api';
import { RetryableError, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { isNoResponder, isTransient, untilDisconnected } from './broker-errors.js';
import { encodeHeaders, headerNames, serviceSource } from './cloud-events.js';
import type { Connection } from './connection.js';
import { encodePayload } from './payload.js';
import { retryDelayMs } from './retry.js';
import { withSendSpan } from './telemetry.js';
import type { BusMetrics } from './telemetry.js';
import { activeTraceparent, formatTraceparent } from './traceparent.js';
import type { PublishOptions, PublishResult } from './types.js';

/** What a publisher works with. */
export interface PublisherParts {
  connection: Connection;
  js: JetStreamClient;
  jsm: JetStreamManager;
  service: string;
  metrics: BusMetrics;
  now: () => number;
  deadlineMs: number;
}

/** Publishes to the streams; see `Bus.publish`. */
export interface Publisher {
  publish: <T>(event: EventType<T>, key: string, data: T, options: PublishOptions) => Promise<PublishResult>;
  publishEncoded: (
    event: PublishTarget,
    key: string,
    body: Uint8Array,
    options: PublishOptions,
  ) => Promise<PublishResult>;
  /** Sends bytes and headers as they are, but for `traceparent`, which becomes that of the send span. */
  send: (message: OutgoingMessage) => Promise<PublishResult>;
}

/** A message whose headers are made already. */
export interface OutgoingMessage {
  event: Pick<EventType<unknown>, 'type' | 'template'>;
  subject: string;
  headers: MsgHdrs;
  body: Uint8Array;
  /** Id and correlation of the event, for the span. */
  id: string;
  correlationId: string;
  /** Trace that the send span belongs to; default the active one. */
  parent?: string | undefined;
  /** Traces that it has to do with beside that. */
  links?: Link[];
}

/** The part of an event type that is needed to send a payload that is encoded already. */
export type PublishTarget = Pick<EventType<unknown>, 'type' | 'encoding' | 'subject' | 'template' | 'stream'>;

const ackTimeoutMs = 5_000;

/**
 * A publisher whose promise means "stored": it awaits the broker's acknowledgement and tries again, with the same
 * message id, until `deadlineMs` is over.
 *
 * Errors: TerminalError `RK_KEY_INVALID`, `RK_MESSAGE_TOO_LARGE` (size and limit named), `RK_BUS_NO_STREAM`;
 * RetryableError `RK_BUS_UNAVAILABLE` after the deadline.
 */
export function createPublisher(parts: PublisherParts): Publisher {
  const sendMessage: Publisher['send'] = (message) => {
    const { event, subject, headers, body, id, correlationId, parent, links } = message;
    return withSendSpan(
      { template: event.template, id, correlationId, bytes: body.length, parent, links },
      async (span) => {
        const traceparent = formatTraceparent(span.spanContext()) ?? parent;
        if (traceparent !== undefined) headers.set(headerNames.traceparent, traceparent);
        checkSize(parts, event.type, headers, body);
        const result = await send(parts, subject, body, headers);
        parts.metrics.published.add(1, { 'messaging.destination.name': event.template });
        span.setAttribute('messaging.nats.stream_sequence', result.sequence);
        return result;
      },
    );
  };
  const publishEncoded: Publisher['publishEncoded'] = async (event, key, body, options) => {
    const subject = event.subject(key);
    const { id } = options;
    if (id === '') throw new TerminalError('RK_KEY_INVALID', `${event.type}: an event needs an id`);
    const correlationId = options.correlationId ?? options.cause?.correlationId ?? id;
    const headers = encodeHeaders({
      id,
      type: event.type,
      key,
      source: serviceSource(parts.service),
      time: options.time ?? new Date(parts.now()),
      encoding: event.encoding,
      correlationId,
      causationId: options.causationId ?? options.cause?.id,
    });
    const parent = options.traceparent ?? activeTraceparent() ?? options.cause?.traceparent;
    return sendMessage({ event, subject, headers, body, id, correlationId, parent });
  };
  return {
    publishEncoded,
    publish: async (event, key, data, options) =>
      publishEncoded(event, key, encodePayload(event, data), options),
    send: sendMessage,
  };
}

async function send(
  parts: PublisherParts,
  subject: string,
  body: Uint8Array,
  headers: MsgHdrs,
): Promise<PublishResult> {
  // By the monotonic clock: a wall clock that is set must neither cut the attempts short nor make them endless.
  const deadline = performance.now() + parts.deadlineMs;
  let cause: unknown;
  for (let attempt = 1; ; attempt++) {
    try {
      await parts.connection.whenConnected(Math.max(1, deadline - performance.now()));
      const ack = await untilDisconnected(
        parts.connection,
        subject,
        parts.js.publish(subject, body, { headers, timeout: ackTimeoutMs, retries: 0 }),
      );
      return { sequence: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      cause = error;
      if (!isTransient(error)) throw error;
      if (isNoResponder(error)) await refuseWithoutStream(parts, subject, attempt);
    }
    const delay = retryDelayMs(attempt, { baseMs: 50, maxMs: 2_000 });
    if (performance.now() + delay >= deadline || parts.connection.nc.isClosed()) break;
    await sleep(delay);
  }
  throw new RetryableError('RK_BUS_UNAVAILABLE', `${subject}: not stored within ${parts.deadlineMs} ms`, {
    cause,
  });
}

/** "No responders" is either JetStream still starting, or a subject that no stream takes: ask which. */
async function refuseWithoutStream(parts: PublisherParts, subject: string, attempt: number): Promise<void> {
  if (attempt < 2) return;
  let names: string[];
  try {
    names = (await parts.jsm.streams.names(subject).next()) ?? [];
  } catch {
    return; // the API is away too: try again
  }
  if (names.length === 0) {
    throw new TerminalError('RK_BUS_NO_STREAM', `no stream takes the subject ${subject}`, {
      details: { subject },
    });
  }
}

function checkSize(parts: PublisherParts, type: string, headers: MsgHdrs, body: Uint8Array): void {
  const limit = parts.connection.nc.info?.max_payload;
  if (limit === undefined) return;
  // The broker counts headers and payload together: "NATS/1.0\r\n", one "name: value\r\n" each, an empty line.
  let size = body.length + 12;
  for (const name of headers.keys()) size += name.length + 4 + headers.get(name).length;
  if (size <= limit) return;
  throw new TerminalError(
    'RK_MESSAGE_TOO_LARGE',
    `${type}: the message has ${size} bytes with its headers, the broker takes ${limit}`,
    { details: { size: String(size), limit: String(limit) } },
  );
}
