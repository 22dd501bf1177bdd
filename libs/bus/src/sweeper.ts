import type { JetStreamManager } from '@nats-io/jetstream';
import type { EventType } from '@rookery/contracts';
import { decodeMeta } from './cloud-events.js';
import type { Delivery } from './delivery.js';
import { decodeEvent, exhausted, giveUp } from './dispatcher.js';
import type { DispatcherParts } from './dispatcher.js';
import { retryDelayMs } from './retry.js';
import { nanosOfTimestamp } from './timestamps.js';
import type { BusEvent } from './types.js';

/** Stream of the broker's advisories. */
export const advisoriesStream = 'ML_ADVISORIES';

/** Where the broker reports that a consumer's message was delivered as often as allowed, without a verdict. */
export function advisorySubject(stream: string, durable: string): string {
  return `$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${stream}.${durable}`;
}

/** Name of the durable that watches the advisories of another. */
export function sweeperName(durable: string): string {
  return `sweep-${durable}`;
}

/**
 * Handles one advisory: fetches the message it points to and gives it up like the dispatcher would have. This is the
 * second net; the first is the dispatcher itself, which gives up a delivery beyond the limit. Never rejects.
 */
export async function sweep<T>(
  parts: Pick<DispatcherParts<T>, 'event' | 'options' | 'maxDeliver' | 'storeDeadLetter' | 'logger'> & {
    jsm: JetStreamManager;
  },
  advisory: Delivery,
): Promise<void> {
  const { event, logger } = parts;
  const durable = parts.options.durable;
  try {
    const pointer = parsePointer(advisory.data);
    if (!pointer || pointer.consumer !== durable) {
      advisory.ack();
      return;
    }
    const stored = await parts.jsm.streams.getMessage(pointer.stream, { seq: pointer.sequence });
    if (!stored) {
      logger.warn({ durable, ...pointer }, 'an exhausted event is no longer in its stream');
      advisory.ack();
      return;
    }
    const meta = decodeMeta(
      stored.header,
      {
        subject: stored.subject,
        stream: pointer.stream,
        sequence: pointer.sequence,
        storedAtNanos: nanosOfTimestamp(stored.timestamp),
        deliveryCount: pointer.deliveries,
      },
      event,
    );
    const message = { data: stored.data, headers: stored.header };
    const attempts = Math.min(pointer.deliveries, parts.maxDeliver);
    const error = exhausted(event.type, attempts);
    const letter = {
      durable,
      meta,
      headers: stored.header,
      raw: stored.data,
      error,
      attempts,
    };
    await giveUp(parts, letter, tryDecode(event, message, meta));
    logger.error(
      { event_id: meta.id, correlation_id: meta.correlationId, durable, ...pointer },
      'event swept up, stored as a dead letter',
    );
    advisory.ack();
  } catch (error) {
    const delayMs = retryDelayMs(advisory.info.deliveryCount);
    logger.error(
      { err: error, durable, delayMs },
      'an exhausted event could not be swept up, will be tried again',
    );
    advisory.nak(delayMs);
  }
}

interface Pointer {
  stream: string;
  consumer: string;
  sequence: number;
  deliveries: number;
}

function parsePointer(data: Uint8Array): Pointer | undefined {
  try {
    const advisory = JSON.parse(new TextDecoder().decode(data)) as Record<string, unknown>;
    const { stream, consumer, stream_seq: sequence, deliveries } = advisory;
    if (typeof stream !== 'string' || typeof consumer !== 'string' || typeof sequence !== 'number')
      return undefined;
    return { stream, consumer, sequence, deliveries: typeof deliveries === 'number' ? deliveries : 0 };
  } catch {
    return undefined;
  }
}

function tryDecode<T>(
  event: EventType<T>,
  message: Parameters<typeof decodeEvent<T>>[1],
  meta: Parameters<typeof decodeEvent<T>>[2],
): BusEvent<T> | undefined {
  try {
    return decodeEvent(event, message, meta);
  } catch {
    return undefined;
  }
}
