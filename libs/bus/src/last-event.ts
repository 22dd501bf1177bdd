import { JetStreamApiError } from '@nats-io/jetstream';
import type { JetStreamManager, StoredMsg } from '@nats-io/jetstream';
import { RetryableError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { decodeMeta } from './cloud-events.js';
import { decodeEvent } from './dispatcher.js';
import { nanosOfTimestamp } from './timestamps.js';
import type { BusEvent, Logger } from './types.js';

const notFound = 404;

/**
 * The last event of one key, by one question to the broker. Undefined where the stream holds none, or where it can't be
 * decoded. Throws RK_BUS_UNAVAILABLE where the broker does not answer, RK_KEY_INVALID for what can be no key.
 */
export async function lastOfKey<T>(
  jsm: JetStreamManager,
  event: EventType<T>,
  key: string,
  logger: Logger,
): Promise<BusEvent<T> | undefined> {
  const stored = await lastStored(jsm, event, key);
  if (!stored) return undefined;
  const envelope = {
    subject: stored.subject,
    stream: event.stream,
    sequence: stored.seq,
    storedAtNanos: nanosOfTimestamp(stored.timestamp),
    deliveryCount: 1,
  };
  const meta = decodeMeta(stored.header, envelope, event);
  try {
    return decodeEvent(event, { data: stored.data, headers: stored.header }, meta);
  } catch (error) {
    logger.warn({ err: error, sequence: stored.seq }, 'a stored event cannot be decoded, skipped');
    return undefined;
  }
}

/**
 * Whether a durable consumer may still have to handle the last event of a key: it is stored, and not below the consumer's
 * acknowledged floor. True errs on the safe side: an event above the floor may have been handled out of turn. Throws
 * RK_BUS_UNAVAILABLE where the broker does not answer.
 */
export async function isInHand(
  jsm: JetStreamManager,
  event: Pick<EventType<unknown>, 'stream' | 'subject'>,
  key: string,
  durable: string,
): Promise<boolean> {
  const stored = await lastStored(jsm, event, key);
  if (!stored) return false;
  try {
    const info = await jsm.consumers.info(event.stream, durable);
    return stored.seq > info.ack_floor.stream_seq;
  } catch (error) {
    // No consumer: nobody has begun to work yet, the event waits.
    if (isNotFound(error)) return true;
    throw unavailable(error);
  }
}

async function lastStored(
  jsm: JetStreamManager,
  event: Pick<EventType<unknown>, 'stream' | 'subject'>,
  key: string,
): Promise<StoredMsg | null> {
  // A key that can be none is the caller's fault: waiting for the broker would not mend it.
  const subject = event.subject(key);
  try {
    return await jsm.streams.getMessage(event.stream, { last_by_subj: subject });
  } catch (error) {
    if (isNotFound(error)) return null;
    throw unavailable(error);
  }
}

function isNotFound(error: unknown): boolean {
  return (
    error instanceof JetStreamApiError &&
    (error as JetStreamApiError & { status: number }).status === notFound
  );
}

function unavailable(cause: unknown): RetryableError {
  return new RetryableError('RK_BUS_UNAVAILABLE', 'the broker did not answer about a stored event', {
    cause,
  });
}
