import { events, RookeryError } from '@rookery/contracts';
import type { DeadLetter as DeadLetterMessage } from '@rookery/proto/rookery/events/v1/monitoring';
import { headersToRecord } from './cloud-events.js';
import type { Publisher } from './publisher.js';
import type { BusMetrics } from './telemetry.js';
import { parseTraceparent } from './traceparent.js';
import type { EventMeta } from './types.js';
import type { MsgHdrs } from '@nats-io/transport-node';

/** A message that is given up. */
export interface GivenUp {
  durable: string;
  meta: EventMeta;
  headers: MsgHdrs | undefined;
  raw: Uint8Array;
  error: RookeryError;
  attempts: number;
}

/** Stores what was given up; resolves when the broker has it. */
export type StoreDeadLetter = (letter: GivenUp) => Promise<void>;

/**
 * Writes dead letters to `ml.dlq.<durable>`: the original bytes and headers, where they came from, and why they were
 * given up. The message id `dlq:<stream>:<sequence>:<durable>` makes a second try one letter. A payload too large to
 * fit beside all that is left out, with a detail that says where the original lies.
 */
export function createDeadLetters(
  publisher: Publisher,
  metrics: BusMetrics,
  service: string,
  now: () => number,
): StoreDeadLetter {
  return async (letter) => {
    const { meta, error } = letter;
    const id = `dlq:${meta.stream}:${meta.sequence}:${letter.durable}`;
    const message: DeadLetterMessage = {
      subject: meta.subject,
      stream: meta.stream,
      sequence: meta.sequence,
      consumer: letter.durable,
      payload: Buffer.from(letter.raw),
      headers: headersToRecord(letter.headers),
      code: error.code,
      message: error.message,
      stack: stackOf(error),
      attempts: letter.attempts,
      traceId: parseTraceparent(meta.traceparent)?.traceId ?? '',
      correlationId: meta.correlationId,
      eventId: meta.id,
      service,
      timeMs: now(),
      details: { ...error.details },
      hint: error.hint,
    };
    const options = { id, cause: meta };
    try {
      await publisher.publish(events.deadLetter, letter.durable, message, options);
    } catch (problem) {
      if (!(problem instanceof RookeryError) || problem.code !== 'RK_MESSAGE_TOO_LARGE') throw problem;
      const omitted = `${letter.raw.length} bytes; the original is in ${meta.stream} at sequence ${meta.sequence}`;
      const small = { ...message, payload: Buffer.alloc(0), stack: message.stack.slice(0, 2_000) };
      small.message = message.message.slice(0, 2_000);
      small.details = { payload_omitted: omitted };
      await publisher.publish(events.deadLetter, letter.durable, small, options);
    }
    metrics.deadLetters.add(1, { 'messaging.consumer.group.name': letter.durable, 'error.type': error.code });
  };
}

function stackOf(error: Error): string {
  const stacks: string[] = [];
  for (let at: unknown = error; at instanceof Error && stacks.length < 5; at = at.cause) {
    stacks.push(at.stack ?? `${at.name}: ${at.message}`);
  }
  return stacks.join('\nCaused by: ').slice(0, 16_000);
}
