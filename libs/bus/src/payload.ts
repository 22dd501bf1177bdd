import { RookeryError, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';

/**
 * Encodes a payload as the event type says: proto3 JSON, or binary protobuf.
 */
export function encodePayload<T>(event: EventType<T>, data: T): Uint8Array {
  if (event.encoding === 'protobuf') return event.message.encode(data).finish();
  return new TextEncoder().encode(JSON.stringify(event.message.toJSON(data)));
}

/**
 * Decodes a payload. JSON is checked field by field against what the message made of it, because the generated
 * `fromJSON` silently drops unknown fields and coerces wrong types (`"abc"` → NaN, `"false"` → true).
 *
 * @param options.strict - refuse fields that the message does not have; default: as the event type says. Events of our
 *   own services are not strict, because a newer producer may already send fields that this consumer does not know.
 * @throws TerminalError `RK_MESSAGE_MALFORMED` (bytes, syntax), `RK_MESSAGE_WRONG_TYPE` or `RK_MESSAGE_UNKNOWN_FIELD`;
 *   `details.field` is the path of the field.
 */
export function decodePayload<T>(
  event: EventType<T>,
  bytes: Uint8Array,
  options: { strict?: boolean; encoding?: 'json' | 'protobuf' } = {},
): T {
  if ((options.encoding ?? event.encoding) === 'protobuf') {
    try {
      return event.message.decode(bytes);
    } catch (error) {
      throw malformed(event, `is not a protobuf message: ${messageOf(error)}`, error);
    }
  }
  const sent = parseJson(event, bytes);
  let json: Record<string, unknown>;
  let decoded: T;
  try {
    json = event.prepare ? event.prepare(sent) : sent;
    decoded = event.message.fromJSON(json);
  } catch (error) {
    if (error instanceof RookeryError) throw error;
    throw malformed(event, `does not fit its message: ${messageOf(error)}`, error);
  }
  checkValue(event, json, decoded, '', options.strict ?? event.strict);
  checkRanges(event, decoded);
  return decoded;
}

function parseJson(event: AnyEvent, bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length === 0) throw malformed(event, 'is empty');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed(event, 'is not UTF-8 text', error);
  }
  if (nesting(text) > deepest) throw malformed(event, `is nested deeper than ${deepest} levels`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw malformed(event, `is not JSON: ${messageOf(error)}`, error);
  }
  if (!isPlainObject(json)) throw malformed(event, `must be a JSON object, not ${kindOf(json)}`);
  return json;
}

/** Lists and objects within each other; whoever walks a message does so by recursion. */
const deepest = 200;

function nesting(text: string): number {
  let depth = 0;
  let most = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === '\\') i++;
    } else if (char === '{' || char === '[') most = Math.max(most, ++depth);
    else if (char === '}' || char === ']') depth--;
  }
  return most;
}

/** Walks the JSON and what became of it side by side: each must explain the other. */
function checkValue(event: AnyEvent, json: unknown, decoded: unknown, path: string, strict: boolean): void {
  if (json === null || json === undefined) return; // proto3 JSON: null means "not set"
  if (typeof decoded === 'string') {
    if (typeof json !== 'string') throw wrongType(event, path, 'a string', json);
  } else if (typeof decoded === 'number' || typeof decoded === 'bigint') {
    checkNumber(event, json, decoded, path);
  } else if (typeof decoded === 'boolean') {
    if (typeof json !== 'boolean') throw wrongType(event, path, 'true or false', json);
  } else if (decoded instanceof Uint8Array) {
    if (typeof json !== 'string') throw wrongType(event, path, 'base64 text', json);
  } else if (decoded instanceof Date) {
    if (typeof json !== 'string' || Number.isNaN(decoded.getTime())) {
      throw wrongType(event, path, 'an RFC 3339 time', json);
    }
  } else if (Array.isArray(decoded)) {
    if (!Array.isArray(json)) throw wrongType(event, path, 'a list', json);
    json.forEach((item, index) => checkValue(event, item, decoded[index], `${path}[${index}]`, strict));
  } else if (isPlainObject(decoded)) {
    if (!isPlainObject(json)) throw wrongType(event, path, 'an object', json);
    checkFields(event, json, decoded, path, strict);
  } else if (decoded === undefined || decoded === null) {
    throw wrongType(event, path, 'another type', json);
  }
}

function checkFields(
  event: AnyEvent,
  json: Record<string, unknown>,
  decoded: Record<string, unknown>,
  path: string,
  strict: boolean,
): void {
  const fields = new Map(Object.entries(decoded));
  // A oneof is decoded as { $case, value } under the group's name, but stands in the JSON under the case's name.
  for (const value of Object.values(decoded)) {
    if (isPlainObject(value) && typeof value['$case'] === 'string') {
      fields.set(value['$case'], 'value' in value ? value['value'] : value[value['$case']]);
    }
  }
  for (const [key, value] of Object.entries(json)) {
    const field = fields.has(key) ? key : camelCase(key);
    const fieldPath = path === '' ? key : `${path}.${key}`;
    if (!fields.has(field)) {
      if (!strict) continue;
      throw unknownField(event, fieldPath, [...fields.keys()]);
    }
    checkValue(event, value, fields.get(field), fieldPath, strict);
  }
}

function checkNumber(event: AnyEvent, json: unknown, decoded: number | bigint, path: string): void {
  if (typeof json === 'number' && !Number.isNaN(Number(decoded))) return;
  if (typeof json === 'string' && json.trim() !== '') {
    const asNumber = Number(json);
    if (json === 'NaN' || Number(decoded) === asNumber) return;
    // An enum by name: known names decode to their number, unknown ones to -1 (UNRECOGNIZED).
    if (Number.isNaN(asNumber) && !Number.isNaN(Number(decoded))) {
      if (decoded !== -1) return;
      throw badField(event, path, `has the unknown value ${JSON.stringify(json.slice(0, 60))}`);
    }
  }
  throw wrongType(event, path, 'a number', json);
}

/** JSON numbers may be out of the range of their field, which `fromJSON` does not see and the binary form can't hold. */
function checkRanges<T>(event: EventType<T>, decoded: T): void {
  try {
    event.message.encode(decoded).finish();
  } catch (error) {
    throw new TerminalError(
      'RK_MESSAGE_WRONG_TYPE',
      `${event.type}: a field holds what its type can not: ${messageOf(error)}`,
      { details: { event: event.type, reason: messageOf(error) }, cause: error },
    );
  }
}

type AnyEvent = Pick<EventType<unknown>, 'type'>;

function unknownField(event: AnyEvent, path: string, known: string[]): TerminalError {
  return new TerminalError('RK_MESSAGE_UNKNOWN_FIELD', `${event.type}: unknown field "${path}"`, {
    details: { field: path, event: event.type },
    hint: `Remove or rename it. Fields known here: ${known.sort().join(', ')}.`,
  });
}

function wrongType(event: AnyEvent, path: string, wanted: string, json: unknown): TerminalError {
  return badField(event, path, `must be ${wanted}, not ${kindOf(json)}`);
}

function badField(event: AnyEvent, path: string, what: string): TerminalError {
  return new TerminalError('RK_MESSAGE_WRONG_TYPE', `${event.type}: field "${path}" ${what}`, {
    details: { field: path, event: event.type },
  });
}

function malformed(event: AnyEvent, what: string, cause?: unknown): TerminalError {
  return new TerminalError('RK_MESSAGE_MALFORMED', `${event.type}: the payload ${what}`, {
    details: { event: event.type },
    ...(cause === undefined ? {} : { cause }),
  });
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return `the ${typeof value} ${JSON.stringify(value)?.slice(0, 60) ?? ''}`.trim();
}

function camelCase(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
