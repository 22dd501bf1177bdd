import { DeliverPolicy } from '@nats-io/jetstream';
import type { Consumer, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import type { EventType, StreamName } from '@rookery/contracts';
import { headersToRecord } from './cloud-events.js';
import type { Connection } from './connection.js';
import { decodeEvent } from './dispatcher.js';
import { metaOfMessage } from './readers.js';
import type { BusEvent, Logger, ReplayAllOptions, StreamBounds } from './types.js';
import { untilAnswered } from './until-answered.js';

/** What reading again works with. */
export interface ReplayAllParts {
  js: JetStreamClient;
  logger: Logger;
  connection: Connection;
  bounds: (stream: StreamName) => Promise<StreamBounds>;
}

const readAhead = 500;
/** A silence after which the broker is asked whether anything is left: the end of a stream may go while it is read. */
const silenceMs = 5_000;

/** First and last sequence of a stream, and how many messages it keeps. */
export async function streamBounds(jsm: JetStreamManager, stream: StreamName): Promise<StreamBounds> {
  const { state } = await jsm.streams.info(stream);
  return { firstSequence: state.first_seq, lastSequence: state.last_seq, messages: state.messages };
}

/**
 * Reads a stream through `through` in its own order, with an ordered consumer: nothing is acknowledged, gaps are noticed
 * and read again, and it survives reconnects. Events of other types are passed over here and not by the broker, which
 * takes one filter a consumer before 2.10. Resolves to the number of events handed over; rejects with what `onEvent`
 * rejects with, and with the signal's reason.
 */
export async function replayAll(
  { js, logger, connection, bounds }: ReplayAllParts,
  stream: StreamName,
  types: readonly EventType<unknown>[],
  options: ReplayAllOptions,
): Promise<number> {
  const { signal } = options;
  const through = options.through ?? (await bounds(stream)).lastSequence;
  let count = 0;
  let next = 1;
  while (through > 0) {
    const from =
      next === 1
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next };
    const open = async (): Promise<{ consumer: Consumer; pending: number }> => {
      const opened = await js.consumers.get(stream, from);
      return { consumer: opened, pending: (await opened.info()).num_pending };
    };
    const { consumer, pending: left } = await untilAnswered(connection, `stream ${stream}`, open);
    try {
      if (left === 0) break;
      const messages = await consumer.consume({ max_messages: readAhead, idle_heartbeat: silenceMs });
      const end = (): void => void messages.stop();
      const silence = watchSilence(consumer, end);
      signal?.addEventListener('abort', end, { once: true });
      try {
        for await (const message of messages) {
          signal?.throwIfAborted();
          const { streamSequence: sequence, pending } = message.info;
          if (sequence > through) return count;
          const event = types.find((type) => covers(type, message.subject));
          if (event !== undefined && (await hand(message, event, options, logger))) count += 1;
          if (sequence === through || pending === 0) return count;
          next = sequence + 1;
          silence.heard();
        }
        signal?.throwIfAborted();
      } finally {
        silence.stop();
        signal?.removeEventListener('abort', end);
        end();
      }
      // Silent although more was promised: what was lost on its way is read by a new consumer behind what was seen.
    } finally {
      consumer.delete().catch(() => {}); // the broker would drop it by itself after some minutes
    }
  }
  return count;
}

/** Ends the reading where nothing comes and nothing is left to come. */
function watchSilence(consumer: Consumer, end: () => void): { heard(): void; stop(): void } {
  let heardAt = Date.now();
  const timer = setInterval(() => {
    if (Date.now() - heardAt < silenceMs) return;
    consumer.info().then(
      (info) => {
        if (info.num_pending === 0 && Date.now() - heardAt >= silenceMs) end();
      },
      () => {}, // the broker is away: the consumer goes on when it is back
    );
  }, silenceMs);
  return {
    heard: () => (heardAt = Date.now()),
    stop: () => clearInterval(timer),
  };
}

function covers({ keyed, type }: EventType<unknown>, subject: string): boolean {
  return keyed ? subject.startsWith(`${type}.`) : subject === type;
}

async function hand(
  message: JsMsg,
  event: EventType<unknown>,
  options: ReplayAllOptions,
  logger: Logger,
): Promise<boolean> {
  const meta = metaOfMessage(message, event);
  let decoded: BusEvent<unknown>;
  try {
    decoded = decodeEvent(event, message, meta);
  } catch (error) {
    if (options.onInvalid)
      options.onInvalid(
        { ...meta, raw: message.data, headers: headersToRecord(message.headers) },
        error as Error,
      );
    else logger.warn({ err: error, sequence: meta.sequence }, 'a stored event cannot be decoded, skipped');
    return false;
  }
  await options.onEvent(decoded);
  return true;
}
