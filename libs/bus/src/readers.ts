import { setTimeout as sleep } from 'node:timers/promises';
import { DeliverPolicy } from '@nats-io/jetstream';
import type {
  Consumer,
  ConsumerMessages,
  JetStreamClient,
  JsMsg,
  OrderedConsumerOptions,
} from '@nats-io/jetstream';
import type { EventType } from '@rookery/contracts';
import { decodeMeta, headersToRecord } from './cloud-events.js';
import type { Connection } from './connection.js';
import { decodeEvent } from './dispatcher.js';
import { retryDelayMs } from './retry.js';
import type { BusEvent, EventMeta, Logger, RawEvent, Replay, ReplayOptions, Stop } from './types.js';
import { untilAnswered } from './until-answered.js';

const readAhead = 256;
/**
 * After a reconnect the client asks once whether its consumer is still there; where the broker does not answer that yet
 * (JetStream starts later than the port), it waits for about this long before it asks again, deaf meanwhile.
 */
const expiresMs = 5_000;
const heartbeatMs = 2_000;

/**
 * Reads a stream's events of one type in order, with an ordered consumer: nothing is acknowledged, gaps are noticed
 * and read again, and it survives reconnects. `onEvent` is awaited, so a slow reader is never flooded.
 */
export async function replayEvents<T>(
  source: ReadSource,
  event: EventType<T>,
  options: ReplayOptions<T>,
  logger: Logger,
): Promise<Replay> {
  const reader = await openReader(source, event, options.key, {
    ...(options.fromSequence === undefined
      ? { deliver_policy: DeliverPolicy.All }
      : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: options.fromSequence }),
  });
  const untilCaughtUp = options.untilCaughtUp ?? true;
  let count = 0;
  let markCaughtUp: () => void = () => {};
  const caughtUp = new Promise<void>((resolve) => (markCaughtUp = resolve));
  // Not awaited: the client's `close` only resolves once the loop below looks again, which may be the caller's own turn.
  const stop = async (): Promise<void> => reader.close();
  const onAbort = (): void => void stop();
  options.signal?.addEventListener('abort', onAbort, { once: true });

  const hand = async (message: JsMsg): Promise<void> => {
    const meta = metaOfMessage(message, event);
    let decoded: BusEvent<T>;
    try {
      decoded = decodeEvent(event, message, meta);
    } catch (error) {
      const raw: RawEvent = { ...meta, raw: message.data, headers: headersToRecord(message.headers) };
      if (options.onInvalid) options.onInvalid(raw, error as Error);
      else logger.warn({ err: error, sequence: meta.sequence }, 'a stored event cannot be decoded, skipped');
      return;
    }
    await options.onEvent(decoded);
    count += 1;
  };
  const run = async (): Promise<void> => {
    try {
      if (options.signal?.aborted) return;
      for await (const message of reader.messages()) {
        if (options.signal?.aborted) return;
        if (message !== 'empty') {
          await hand(message);
          if (message.info.pending > 0) continue;
        }
        markCaughtUp();
        if (untilCaughtUp) return;
      }
    } finally {
      options.signal?.removeEventListener('abort', onAbort);
      reader.close();
      markCaughtUp();
    }
  };
  const done = run();
  done.catch(() => {}); // the caller may look at `done` later
  return { caughtUp, done, count: () => count, stop };
}

/** The last event of each subject of a type, in stream order. Works on servers without batched direct gets. */
export async function lastEvents<T>(
  source: ReadSource,
  event: EventType<T>,
  logger: Logger,
): Promise<BusEvent<T>[]> {
  const reader = await openReader(source, event, undefined, { deliver_policy: DeliverPolicy.LastPerSubject });
  const last = new Map<string, BusEvent<T>>();
  try {
    for await (const message of reader.messages()) {
      if (message === 'empty') break;
      const meta = metaOfMessage(message, event);
      try {
        last.delete(meta.subject);
        last.set(meta.subject, decodeEvent(event, message, meta));
      } catch (error) {
        logger.warn({ err: error, sequence: meta.sequence }, 'a stored event cannot be decoded, skipped');
      }
      if (message.info.pending === 0) break;
    }
    return [...last.values()];
  } finally {
    reader.close();
  }
}

/** Shows events as they pass on core NATS, from now on. Anything malformed is shown as it is. */
export async function tailSubjects(
  connection: Pick<Connection, 'nc' | 'onChange' | 'whenConnected'>,
  subjects: string[],
  onEvent: (event: RawEvent) => void,
  now: () => number,
): Promise<Stop> {
  const { nc } = connection;
  const subscriptions = subjects.map((subject) =>
    nc.subscribe(subject, {
      callback: (error, message) => {
        if (error) return;
        const envelope = {
          subject: message.subject,
          stream: '',
          sequence: 0,
          storedAtNanos: BigInt(Math.round(now())) * 1_000_000n,
          deliveryCount: 1,
        };
        const meta = decodeMeta(message.headers, envelope);
        onEvent({ ...meta, raw: message.data, headers: headersToRecord(message.headers) });
      },
    }),
  );
  await untilAnswered(connection, subjects.join(', '), () => nc.flush());
  return async () => {
    for (const subscription of subscriptions)
      if (!subscription.isClosed() && !nc.isClosed()) subscription.unsubscribe();
  };
}

/** What reading a stream needs. */
export interface ReadSource {
  readonly js: JetStreamClient;
  readonly connection: Pick<Connection, 'nc' | 'onChange' | 'whenConnected'>;
}

interface Reader {
  /** The messages, and `empty` where the stream holds none (any more) when it is looked at: at first and after a reconnect. */
  messages(): AsyncIterable<JsMsg | 'empty'>;
  /** Ends the reading and takes the consumer off the broker; never waits, never fails. */
  close(): void;
}

/**
 * Opens an ordered consumer, and another one behind the last message seen whenever the connection is back: what was on its
 * way when the connection broke counts as delivered for the broker, and the client would notice the gap with the next
 * message only, which may be days away.
 */
async function openReader(
  { js, connection }: ReadSource,
  event: Pick<EventType<unknown>, 'stream' | 'filter' | 'subject'>,
  key: string | undefined,
  start: Partial<OrderedConsumerOptions>,
): Promise<Reader> {
  const filter = key === undefined ? event.filter : event.subject(key);
  let from = start;
  let iterator: ConsumerMessages | undefined;
  let closed = false;
  const open = async (): Promise<{ consumer: Consumer; pending: number }> => {
    const consumer = await js.consumers.get(event.stream, { filter_subjects: filter, ...from });
    const { num_pending: pending } = await consumer.info(true);
    return { consumer, pending };
  };
  const reopen = async (): Promise<Awaited<ReturnType<typeof open>> | undefined> => {
    for (let attempt = 1; !closed && !connection.nc.isClosed(); attempt += 1) {
      try {
        return await open();
      } catch {
        // The broker is not ready yet, or away again.
        await sleep(retryDelayMs(attempt, { baseMs: 100, maxMs: 2_000 }));
      }
    }
    return undefined;
  };
  let stale = false;
  const offChange = connection.onChange((change) => {
    if (change !== 'reconnect') return;
    stale = true;
    iterator?.stop();
  });
  const first = await untilAnswered(connection, `stream ${event.stream}`, open).catch((error: unknown) => {
    offChange();
    throw error;
  });

  let reading = first.consumer;

  async function* messages(): AsyncGenerator<JsMsg | 'empty'> {
    for (let current: typeof first | undefined = first; current && !closed;) {
      reading = current.consumer;
      if (current.pending === 0) yield 'empty';
      iterator = await current.consumer.consume({
        max_messages: readAhead,
        expires: expiresMs,
        idle_heartbeat: heartbeatMs,
      });
      // What happened between opening and consuming.
      if (closed || stale) iterator.stop();
      for await (const message of iterator) {
        if (start.deliver_policy !== DeliverPolicy.LastPerSubject)
          from = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: message.seq + 1 };
        yield message;
      }
      if (!stale) return;
      drop(current.consumer);
      stale = false;
      current = await reopen();
    }
  }
  return {
    messages,
    close: () => {
      if (closed) return;
      closed = true;
      offChange();
      iterator?.stop();
      drop(reading);
    },
  };
}

/** The broker would drop it by itself after some minutes. */
function drop(consumer: Consumer): void {
  consumer.delete().catch(() => {});
}

/** Meta data of a message that an ordered consumer read. */
export function metaOfMessage(message: JsMsg, event: { type: string; keyed: boolean }): EventMeta {
  return decodeMeta(
    message.headers,
    {
      subject: message.subject,
      stream: message.info.stream,
      sequence: message.info.streamSequence,
      storedAtNanos: message.timestampNanos,
      deliveryCount: message.info.deliveryCount,
    },
    event,
  );
}
