import { errorCodes, requireKey, RetryableError, TerminalError, toRookeryError } from '@rookery/contracts';
import type { EventType, RookeryError } from '@rookery/contracts';
import { declaredEncoding, decodeMeta } from './cloud-events.js';
import type { StoreDeadLetter } from './dead-letters.js';
import type { Delivery } from './delivery.js';
import { lazyChild } from './lazy-child.js';
import { throughOutages } from './outage.js';
import { decodePayload } from './payload.js';
import { retryDelayMs } from './retry.js';
import { withProcessSpan } from './telemetry.js';
import type { BusMetrics } from './telemetry.js';
import type { BusEvent, ConsumeOptions, EventMeta, Logger } from './types.js';

/** What the dispatcher of one consumer works with. */
export interface DispatcherParts<T> {
  event: EventType<T>;
  options: ConsumeOptions<T>;
  maxDeliver: number;
  heartbeatMs: number;
  storeDeadLetter: StoreDeadLetter;
  metrics: BusMetrics;
  logger: Logger;
  /** Aborts when the consumer begins to stop. */
  stopping: AbortSignal;
  /** Aborts when the consumer stops before its handlers have ended. */
  signal: AbortSignal;
}

/**
 * Handles one delivery to its verdict. Never rejects. While the handler runs the broker is told so every
 * `heartbeatMs`, also while it waits for what it needs (see {@link throughOutages}); then: success → ack; RetryableError or unknown → nak with a delay; TerminalError, undecodable payload
 * or last attempt → dead letter stored, `onDeadLetter`, term. Where even that fails, nak: nothing is lost silently.
 */
export async function dispatch<T>(parts: DispatcherParts<T>, delivery: Delivery): Promise<void> {
  const { event, options, metrics } = parts;
  const meta = metaOf(delivery, event);
  const attempt = meta.deliveryCount;
  const logger = lazyChild(parts.logger, {
    event_id: meta.id,
    event_type: meta.type,
    correlation_id: meta.correlationId,
    attempt,
  });
  const attributes = {
    'messaging.destination.name': event.template,
    'messaging.consumer.group.name': options.durable,
  };
  metrics.consumed.add(1, attributes);
  const heartbeat = setInterval(() => delivery.working(), parts.heartbeatMs);
  const startedAt = performance.now();
  const measure = (outcome: object): void =>
    metrics.processDuration.record((performance.now() - startedAt) / 1_000, { ...attributes, ...outcome });
  let decoded: BusEvent<T> | undefined;
  try {
    await withProcessSpan(
      meta,
      { template: event.template, durable: options.durable, bytes: delivery.data.length },
      async () => {
        if (attempt > parts.maxDeliver) throw exhausted(event.type, parts.maxDeliver);
        const handled = decodeEvent(event, delivery, meta);
        decoded = handled;
        const lastAttempt = attempt >= parts.maxDeliver;
        await throughOutages(
          () => options.handler(handled, { signal: parts.signal, attempt, lastAttempt, logger }),
          { stopping: parts.stopping, logger },
        );
      },
    );
    delivery.ack();
    measure({});
  } catch (thrown) {
    const error = toRookeryError(thrown);
    measure({ 'error.type': error.code });
    await settleFailure(parts, delivery, meta, decoded, error, logger);
  } finally {
    clearInterval(heartbeat);
  }
}

async function settleFailure<T>(
  parts: DispatcherParts<T>,
  delivery: Delivery,
  meta: EventMeta,
  event: BusEvent<T> | undefined,
  error: RookeryError,
  logger: Logger,
): Promise<void> {
  const attempt = meta.deliveryCount;
  const delayOf = parts.options.retryDelay ?? ((count: number) => retryDelayMs(count));
  if (parts.signal.aborted) {
    delivery.nak(); // stopped, not failed: somebody else goes on
    return;
  }
  if (!isTerminal(error) && attempt < parts.maxDeliver) {
    const delayMs = (error instanceof RetryableError ? error.afterMs : undefined) ?? delayOf(attempt);
    logger.warn({ err: error, code: error.code, delayMs }, 'handler failed, will be tried again');
    delivery.nak(delayMs);
    return;
  }
  try {
    await giveUp(
      parts,
      {
        durable: parts.options.durable,
        meta,
        headers: delivery.headers,
        raw: delivery.data,
        error,
        attempts: Math.min(attempt, parts.maxDeliver),
      },
      event,
    );
    logger.error({ err: error, code: error.code }, 'event given up, stored as a dead letter');
    delivery.term();
  } catch (problem) {
    const delayMs = delayOf(attempt);
    logger.error(
      { err: problem, code: error.code, delayMs },
      'the dead letter could not be stored, will be tried again',
    );
    delivery.nak(delayMs);
  }
}

/** Stores the dead letter, then tells the consumer's owner. */
export async function giveUp<T>(
  parts: Pick<DispatcherParts<T>, 'options' | 'storeDeadLetter'>,
  letter: Parameters<StoreDeadLetter>[0],
  event: BusEvent<T> | undefined,
): Promise<void> {
  await parts.storeDeadLetter(letter);
  await parts.options.onDeadLetter?.({
    ...(event === undefined ? {} : { event }),
    raw: letter.raw,
    meta: letter.meta,
    error: letter.error,
    code: letter.error.code,
    attempts: letter.attempts,
  });
}

/** The error of an event whose workers died, or whose attempts ended, without a verdict. */
export function exhausted(type: string, attempts: number): TerminalError {
  return new TerminalError(
    'RK_ATTEMPTS_EXHAUSTED',
    `${type}: ${attempts} deliveries ended without a verdict: the worker died or stalled each time`,
    { details: { attempts: String(attempts) } },
  );
}

function metaOf(delivery: Delivery, event: { type: string; keyed: boolean }): EventMeta {
  const { info } = delivery;
  return decodeMeta(
    delivery.headers,
    {
      subject: delivery.subject,
      stream: info.stream,
      sequence: info.streamSequence,
      storedAtNanos: info.timestampNanos,
      deliveryCount: info.deliveryCount,
    },
    event,
  );
}

/** Decodes a message in the encoding that its publisher declared. */
export function decodeEvent<T>(
  event: EventType<T>,
  message: Pick<Delivery, 'data' | 'headers'>,
  meta: EventMeta,
): BusEvent<T> {
  const encoding = declaredEncoding(message.headers, event.encoding);
  const data = decodePayload(event, message.data, { encoding });
  for (const field of event.required) {
    const value = (data as Record<string, unknown>)[field];
    if (event.keys.includes(field) && value !== '') requireKey(String(value), field);
    if (value !== '') continue;
    throw new TerminalError('RK_MESSAGE_MISSING_FIELD', `${event.type}: the field "${field}" is missing`, {
      details: { field, event: event.type },
    });
  }
  return { ...meta, data, raw: message.data };
}

function isTerminal(error: RookeryError): boolean {
  if (error instanceof TerminalError) return true;
  return !(error instanceof RetryableError) && !errorCodes[error.code].retryable;
}
