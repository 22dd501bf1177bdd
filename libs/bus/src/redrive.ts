import { context, trace } from '@opentelemetry/api';
import { headers as natsHeaders } from '@nats-io/transport-node';
import type { MsgHdrs } from '@nats-io/transport-node';
import { digestOf, events, RookeryError, runIdOf, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { decodeHeaderValue, encodeHeaderValue, headerNames } from './cloud-events.js';
import type { Redriven, StoredDeadLetter } from './dead-letter-box.js';
import { eventOfSubject } from './payload-view.js';
import type { Publisher } from './publisher.js';
import { parseTraceparent } from './traceparent.js';

/**
 * Sends the event of a dead letter again, on its own subject, with its own bytes and headers. Ids of runs, data sets and
 * jobs are derived from `ce-id`, so that stays: whatever was done already is recognised and not done again. New is only
 * `Nats-Msg-Id`, so that the broker's duplicate window does not take it for the first one. It is derived from the
 * letter: two redrives of one letter at once are stored once. Added are `x-redrive-of`, `x-redrive-letter`,
 * `x-redrive-count`; an id and a correlation that were made up for want of a header are written down. The send span
 * belongs to the event's own trace and is linked to the active one.
 *
 * With `asNew` a request (`ml.dataset.ready`) becomes another one: new `ce-id`, correlation and time, so a run of its own,
 * with the first as `ce-causationid`.
 *
 * Errors: `RK_DEAD_LETTER_UNUSABLE`, `RK_MESSAGE_TOO_LARGE`, and those of a publish.
 */
export async function redriveLetter(
  parts: { publisher: Pick<Publisher, 'send'>; now: () => number },
  stored: StoredDeadLetter,
  asNew: boolean,
): Promise<Omit<Redriven, 'letter'>> {
  const { letter, payload } = stored;
  const event = targetOf(stored, asNew);
  if (payload === undefined) {
    const omitted = letter.details['payload_omitted'] ?? '';
    throw unusable(stored, `was too large for its payload (${omitted}), and it is no longer there`);
  }
  const messageId = messageIdOf(stored, asNew);
  const eventId = asNew ? messageId : letter.eventId;
  const correlationId = asNew ? runIdOf(eventId) : letter.correlationId || eventId;
  const overwrite: Record<string, string> = {
    [headerNames.id]: eventId,
    [headerNames.correlationId]: correlationId,
    [headerNames.redriveOf]: letter.eventId,
    [headerNames.redriveLetter]: stored.letterId,
    [headerNames.redriveCount]: String(redriveCount(letter.headers) + 1),
  };
  if (asNew) overwrite[headerNames.causationId] = letter.eventId;
  if (asNew) overwrite[headerNames.time] = new Date(parts.now()).toISOString();
  else if (read(letter.headers, headerNames.time) === undefined && letter.timeMs > 0) {
    // Its time was that of its storage, which a new storage would change: when it was given up is the nearest we know.
    overwrite[headerNames.time] = new Date(letter.timeMs).toISOString();
  }
  const headers = headersOf(stored, overwrite);
  headers.set(headerNames.messageId, encodeHeaderValue(messageId));
  const own = asNew ? undefined : read(letter.headers, headerNames.traceparent);
  const linked = asNew ? parseTraceparent(read(letter.headers, headerNames.traceparent)) : activeSpan();
  try {
    const { sequence, duplicate } = await parts.publisher.send({
      event,
      subject: letter.subject,
      headers,
      body: payload,
      id: eventId,
      correlationId,
      parent: parseTraceparent(own) ? own : undefined,
      ...(linked ? { links: [{ context: linked }] } : {}),
    });
    return { eventId, messageId, stream: event.stream, sequence, duplicate };
  } catch (error) {
    if (!(error instanceof RookeryError) || error.code !== 'RK_MESSAGE_TOO_LARGE') throw error;
    throw new TerminalError('RK_MESSAGE_TOO_LARGE', `dead letter ${stored.id}: ${error.message}`, {
      details: { ...error.details, letter: String(stored.id) },
      hint: 'Raise max_payload of nats-server a little and redrive again (a redrive adds some headers), or drop it.',
      cause: error,
    });
  }
}

/** How often an event had been redriven before, by its headers. */
export function redriveCount(headers: Readonly<Record<string, string>>): number {
  const count = Number(read(headers, headerNames.redriveCount) ?? '0');
  return Number.isInteger(count) && count > 0 ? count : 0;
}

function targetOf(stored: StoredDeadLetter, asNew: boolean): EventType<unknown> {
  const { subject } = stored.letter;
  if (!stored.readable) throw unusable(stored, 'can not be decoded');
  // Only where events go: a letter that somebody made up must not make us send to the broker's own subjects.
  const event = eventOfSubject(subject);
  if (!event) throw unusable(stored, `has the subject ${JSON.stringify(subject)}, which is that of no event`);
  if (asNew && event.type !== events.datasetReady.type) {
    throw new TerminalError(
      'RK_REQUEST_INVALID',
      `dead letter ${stored.id}: only ${events.datasetReady.type} can be sent as a new request, not ${event.type}`,
      {
        details: { letter: String(stored.id), subject },
        hint: 'Redrive it as it is: its run is named in the payload, a new id changes nothing.',
      },
    );
  }
  return event;
}

/** Unique to this letter in this stream: a stream that was made anew gives its sequences again. */
function messageIdOf({ id, letterId, storedAt }: StoredDeadLetter, asNew: boolean): string {
  const digest = digestOf(24, letterId, String(id), storedAt.toISOString(), asNew ? 'new' : 'same');
  return `redrive-${digest}`;
}

/** The headers as they came, but for those that are written anew and those that are orders to the broker. */
function headersOf(stored: StoredDeadLetter, overwrite: Readonly<Record<string, string>>): MsgHdrs {
  const headers = natsHeaders();
  try {
    for (const [name, value] of Object.entries(stored.letter.headers)) {
      const lower = name.toLowerCase();
      if (!lower.startsWith('nats-') && !(lower in overwrite)) headers.set(name, value);
    }
  } catch (error) {
    throw unusable(stored, 'has a header that can not be sent', error);
  }
  for (const [name, value] of Object.entries(overwrite)) headers.set(name, encodeHeaderValue(value));
  return headers;
}

function read(headers: Readonly<Record<string, string>>, name: string): string | undefined {
  const found = Object.entries(headers).find(([header]) => header.toLowerCase() === name.toLowerCase());
  return found && found[1] !== '' ? decodeHeaderValue(found[1]) : undefined;
}

function activeSpan(): ReturnType<typeof trace.getSpanContext> {
  return trace.getSpanContext(context.active());
}

function unusable(stored: StoredDeadLetter, what: string, cause?: unknown): TerminalError {
  return new TerminalError('RK_DEAD_LETTER_UNUSABLE', `dead letter ${stored.id} ${what}`, {
    details: { letter: String(stored.id) },
    ...(cause === undefined ? {} : { cause }),
  });
}
