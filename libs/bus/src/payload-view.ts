import { events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { decodeHeaderValue, headerNames } from './cloud-events.js';

/** Bytes as a person can read them. */
export type PayloadView =
  | { readonly kind: 'json'; readonly value: unknown }
  /** A binary message of an event type we know, as proto3 JSON; `message` is its protobuf name. */
  | { readonly kind: 'protobuf'; readonly message: string; readonly value: unknown }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bytes'; readonly base64: string };

/**
 * Shows a payload as what it is: the protobuf message of its event type where that is what the publisher declared and
 * the bytes are exactly one; else JSON of any form; else UTF-8 text; else base64. Never throws: dead letters hold
 * what could not be decoded.
 */
export function viewPayload(
  subject: string,
  headers: Readonly<Record<string, string>>,
  payload: Uint8Array,
): PayloadView {
  const event = eventOfSubject(subject);
  const declared = decodeHeaderValue(headers[headerNames.datacontenttype] ?? '').toLowerCase();
  const binary = declared === '' ? event?.encoding === 'protobuf' : declared.includes('protobuf');
  if (binary && event) {
    const value = protobufOf(event, payload);
    if (value !== undefined) return { kind: 'protobuf', message: event.messageName, value };
  }
  const text = textOf(payload);
  if (text === undefined) return { kind: 'bytes', base64: Buffer.from(payload).toString('base64') };
  try {
    return { kind: 'json', value: JSON.parse(text) as unknown };
  } catch {
    return { kind: 'text', text };
  }
}

/** The event type of a subject; undefined for a subject that no event has. */
export function eventOfSubject(subject: string): EventType<unknown> | undefined {
  const all = Object.values(events) as unknown as EventType<unknown>[];
  return all.find((event) =>
    event.keyed
      ? subject.startsWith(`${event.type}.`) && /^[\w-]{1,64}$/.test(subject.slice(event.type.length + 1))
      : subject === event.type,
  );
}

/** A decoder passes over what it does not know: only bytes that it gives back in full are taken for its message. */
function protobufOf(event: EventType<unknown>, payload: Uint8Array): unknown {
  try {
    const message = event.message.decode(payload);
    return event.message.encode(message).finish().length === payload.length
      ? event.message.toJSON(message)
      : undefined;
  } catch {
    return undefined;
  }
}

function textOf(payload: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    // eslint-disable-next-line no-control-regex -- what has control characters other than white space is no text
    return /[\0-\x08\x0e-\x1f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}
