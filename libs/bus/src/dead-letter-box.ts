import { JetStreamApiError } from '@nats-io/jetstream';
import type { JetStreamManager, MsgRequest, StoredMsg } from '@nats-io/jetstream';
import { events, RetryableError, RookeryError, streams, TerminalError } from '@rookery/contracts';
import { DeadLetter as DeadLetterMessage } from '@rookery/proto/rookery/events/v1/monitoring';
import { decodeMeta, headersToRecord } from './cloud-events.js';
import type { Publisher } from './publisher.js';
import { redriveLetter } from './redrive.js';
import { nanosOfTimestamp } from './timestamps.js';
import type { Logger } from './types.js';

/** A dead letter as it lies in `ML_DLQ`. */
export interface StoredDeadLetter {
  /** Sequence in `ML_DLQ`: short, never changes and is never given again. */
  readonly id: number;
  /** Id of the letter as an event, `dlq:<stream>:<sequence>:<consumer>`. */
  readonly letterId: string;
  readonly storedAt: Date;
  /** Durable that gave the event up. */
  readonly consumer: string;
  /** What was given up and why. Made up where the letter itself can't be decoded (`readable` is false). */
  readonly letter: DeadLetterMessage;
  readonly readable: boolean;
  /** The original bytes; undefined where they did not fit into the letter and were not, or could not be, fetched. */
  readonly payload: Uint8Array | undefined;
}

/** Which letters. */
export interface DeadLetterQuery {
  /** Only those of this durable. */
  consumer?: string;
  /** Only those with a larger id: the `next` of the page before. */
  after?: number;
  /** Default 50, at most 1,000. */
  limit?: number;
}

/** A page of letters, oldest first. It ends early after 32 MiB of payloads. */
export interface DeadLetterPage {
  readonly letters: StoredDeadLetter[];
  /** `after` of the next page; undefined where this is the last. */
  readonly next: number | undefined;
}

/** What became of a redrive. */
export interface Redriven {
  readonly letter: StoredDeadLetter;
  /** `ce-id` of the event: the original's, or a new one with `asNew`. */
  readonly eventId: string;
  /** `Nats-Msg-Id`, which is new. */
  readonly messageId: string;
  readonly stream: string;
  readonly sequence: number;
  /** True where another redrive of the same letter had sent it already: nothing was sent again. */
  readonly duplicate: boolean;
}

/** The dead letters of all consumers. */
export interface DeadLetterBox {
  /** How many letters there are, by consumer. */
  counts(): Promise<Record<string, number>>;
  /** Letters, oldest first. Errors: `RK_KEY_INVALID` for a consumer name that can't be one. */
  list(query?: DeadLetterQuery): Promise<DeadLetterPage>;
  /** Every letter that is there now, oldest first, one at a time; those that come in meanwhile are not among them. */
  each(query?: Pick<DeadLetterQuery, 'consumer'>): AsyncIterable<StoredDeadLetter>;
  /** One letter; fetches the original bytes where the letter was too small for them. Throws `RK_DEAD_LETTER_NOT_FOUND`. */
  get(id: number): Promise<StoredDeadLetter>;
  /**
   * Sends the original event again, then removes the letter; see `redriveLetter` for what the event looks like.
   * A crash in between leaves the letter; redriving it again is harmless. Throws `RK_DEAD_LETTER_NOT_FOUND`,
   * `RK_DEAD_LETTER_UNUSABLE`, `RK_MESSAGE_TOO_LARGE` or `RK_BUS_UNAVAILABLE`; the letter is then still there.
   */
  redrive(id: number, options?: { asNew?: boolean; actor?: string }): Promise<Redriven>;
  /** Removes a letter for good, with a line in the log. Throws `RK_DEAD_LETTER_NOT_FOUND`. */
  drop(id: number, options?: { actor?: string; reason?: string }): Promise<StoredDeadLetter>;
}

const { stream, filter, type, keyed } = events.deadLetter;
const pageBytes = 32 * 1024 * 1024;

/** Opens the dead letters of a broker; needs no more than one message read at a time, on any nats-server from 2.9. */
export function createDeadLetterBox(parts: {
  jsm: JetStreamManager;
  publisher: Pick<Publisher, 'send'>;
  logger: Logger;
  now: () => number;
}): DeadLetterBox {
  const { jsm, logger } = parts;

  const nextOf = async (subject: string, from: number): Promise<StoredDeadLetter | undefined> => {
    // The type lacks what the server (from 2.9.0) takes: the first message of a subject at or after a sequence.
    const query: { seq: number; next_by_subj: string } & MsgRequest = { seq: from, next_by_subj: subject };
    const found = await asked(() => jsm.streams.getMessage(stream, query));
    return found ? letterOf(found) : undefined;
  };

  const get: DeadLetterBox['get'] = async (id) => {
    const found = await asked(() => jsm.streams.getMessage(stream, { seq: id }));
    if (!found) throw notFound(id);
    const letter = letterOf(found);
    if (letter.payload !== undefined) return letter;
    return { ...letter, payload: await originalBytes(jsm, letter.letter) };
  };

  /** False where it was gone already. */
  const remove = async (id: number): Promise<boolean> => {
    try {
      return await asked(() => jsm.streams.deleteMessage(stream, id, false));
    } catch (error) {
      if ((await asked(() => jsm.streams.getMessage(stream, { seq: id }))) === null) return false;
      throw error;
    }
  };

  const audit = (action: string, { id, consumer, letter }: StoredDeadLetter, more: object): void => {
    const { eventId, subject, code, correlationId } = letter;
    logger.warn(
      {
        audit: `dead_letter_${action}`,
        letter: id,
        consumer,
        event_id: eventId,
        subject,
        code,
        correlation_id: correlationId,
        ...more,
      },
      `dead letter ${action}`,
    );
  };

  return {
    get,

    async counts() {
      const info = await asked(() => jsm.streams.info(stream, { subjects_filter: filter }));
      const subjects = Object.entries(info.state.subjects ?? {});
      return Object.fromEntries(subjects.map(([subject, count]) => [consumerOf(subject), count]));
    },

    async list({ consumer, after = 0, limit = 50 } = {}) {
      const subject = consumer === undefined ? filter : events.deadLetter.subject(consumer);
      const letters: StoredDeadLetter[] = [];
      let bytes = 0;
      for (let from = after + 1; ;) {
        const letter = await nextOf(subject, from);
        if (!letter) return { letters, next: undefined };
        if (letters.length >= Math.min(limit, 1_000) || bytes >= pageBytes) {
          return { letters, next: from - 1 };
        }
        letters.push(letter);
        bytes += letter.payload?.length ?? 0;
        from = letter.id + 1;
      }
    },

    async *each({ consumer } = {}) {
      const subject = consumer === undefined ? filter : events.deadLetter.subject(consumer);
      const { last_seq: last } = (await asked(() => jsm.streams.info(stream))).state;
      let letter = await nextOf(subject, 1);
      while (letter && letter.id <= last) {
        yield letter;
        letter = await nextOf(subject, letter.id + 1);
      }
    },

    async redrive(id, { asNew = false, actor } = {}) {
      const letter = await get(id);
      const sent = await redriveLetter(parts, letter, asNew);
      const removed = await remove(id);
      audit('redriven', letter, { message_id: sent.messageId, sequence: sent.sequence, actor });
      return { ...sent, letter, duplicate: sent.duplicate || !removed };
    },

    async drop(id, { actor, reason } = {}) {
      const letter = await get(id);
      if (!(await remove(id))) throw notFound(id);
      audit('dropped', letter, { actor, reason });
      return letter;
    },
  };
}

function letterOf(stored: StoredMsg): StoredDeadLetter {
  const consumer = consumerOf(stored.subject);
  const meta = decodeMeta(
    stored.header,
    {
      subject: stored.subject,
      stream,
      sequence: stored.seq,
      storedAtNanos: nanosOfTimestamp(stored.timestamp),
      deliveryCount: 1,
    },
    { type, keyed },
  );
  const base = { id: stored.seq, letterId: meta.id, storedAt: stored.time, consumer };
  try {
    const letter = DeadLetterMessage.decode(stored.data);
    if (letter.subject === '' || letter.eventId === '') throw new Error('it names no event');
    const omitted = letter.details['payload_omitted'] !== undefined;
    return { ...base, letter, readable: true, payload: omitted ? undefined : letter.payload };
  } catch (error) {
    // Anybody may publish on ml.dlq: what is no letter must not hide the letters.
    const letter = DeadLetterMessage.fromPartial({
      consumer,
      payload: Buffer.from(stored.data),
      headers: headersToRecord(stored.header),
      code: 'RK_MESSAGE_MALFORMED',
      message: `this is no dead letter of ours: ${error instanceof Error ? error.message : String(error)}`,
      timeMs: stored.time.getTime(),
    });
    return { ...base, letter, readable: false, payload: stored.data };
  }
}

/** The original, where its stream still has it: a sequence may have been given again to another stream's message. */
async function originalBytes(
  jsm: JetStreamManager,
  letter: DeadLetterMessage,
): Promise<Uint8Array | undefined> {
  const { stream: from, sequence, subject, eventId } = letter;
  if (!streams.some(({ name }) => name === from)) return undefined;
  let stored: StoredMsg | null;
  try {
    stored = await asked(() => jsm.streams.getMessage(from, { seq: sequence }));
  } catch (error) {
    if (error instanceof RetryableError) throw error;
    return undefined; // the stream is gone
  }
  if (!stored || stored.subject !== subject) return undefined;
  const meta = decodeMeta(stored.header, {
    subject,
    stream: from,
    sequence,
    storedAtNanos: nanosOfTimestamp(stored.timestamp),
    deliveryCount: 1,
  });
  return meta.id === eventId ? stored.data : undefined;
}

function consumerOf(subject: string): string {
  return subject.slice(type.length + 1);
}

function notFound(id: number): TerminalError {
  return new TerminalError('RK_DEAD_LETTER_NOT_FOUND', `There is no dead letter ${id}`, {
    details: { letter: String(id) },
  });
}

/** A question to the broker: one that it did not get, or did not answer, may be asked again. */
async function asked<R>(ask: () => Promise<R>): Promise<R> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RookeryError) throw error;
    if (error instanceof JetStreamApiError) {
      if (!/stream not found/i.test(error.message)) throw error;
      throw new TerminalError('RK_BUS_NO_STREAM', `the broker has no stream ${stream}`, { cause: error });
    }
    throw new RetryableError('RK_BUS_UNAVAILABLE', 'the broker did not answer about its dead letters', {
      cause: error,
    });
  }
}
