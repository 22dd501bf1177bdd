/**
 * The stored form of documents, the same check for both adapters. Plain JSON values and `Uint8Array` are stored;
 * everything else is refused by name of its path, because it would come back as something else (a `Date` as a string,
 * a `Map` as `{}`). Keys that a database would read as a path or an operator (`sepal.length`, `$x`), or not at all (``), are escaped.
 */
import { StoreQueryError } from './errors.js';

/** First character of everything this codec adds; a private-use code point, itself escaped where a caller uses it. */
export const MARK = '\uE000';
const BYTES = `${MARK}b`;
const NUMBER = `${MARK}n`;
/** What stands for a key without characters, which a path can't lead to. */
const EMPTY = `${MARK}z`;
/** Prefix of fields that hold an adapter's own index keys; never handed out. */
export const HIDDEN = `${MARK}k`;

export type StoredValue =
  null | boolean | number | string | Uint8Array | StoredValue[] | { [key: string]: StoredValue };
export type StoredDocument = { _id: string; [key: string]: StoredValue };

/**
 * `native`: bytes and NaN/±Infinity as they are (BSON has them). `tagged`: as small marked objects (JSON has neither).
 */
export type Encoding = 'native' | 'tagged';

/** The stored form of a value; `undefined` fields are left out, `undefined` array elements become null. */
export function encodeValue(value: unknown, encoding: Encoding, path: string): StoredValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      return encoding === 'native' ? value : tagNumber(value);
    case 'object':
      break;
    default:
      throw unsupported(path, typeof value);
  }
  if (value === null) return null;
  if (Array.isArray(value)) {
    return value.map((item: unknown, i) =>
      item === undefined ? null : encodeValue(item, encoding, `${path}.${i}`),
    );
  }
  if (value instanceof Uint8Array) {
    if (encoding === 'native') return value;
    return { [BYTES]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw unsupported(path, value.constructor?.name ?? 'object');
  }
  const encoded: { [key: string]: StoredValue } = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    encoded[escapeKey(key, path)] = encodeValue(item, encoding, path === '' ? key : `${path}.${key}`);
  }
  return encoded;
}

/** The stored form of a whole document; `_id` must be a non-empty string. */
export function encodeDocument(doc: unknown, encoding: Encoding): StoredDocument {
  if (typeof doc !== 'object' || doc === null || Array.isArray(doc)) {
    throw new StoreQueryError('A document must be an object with an _id.');
  }
  checkId((doc as { _id?: unknown })._id);
  return encodeValue(doc, encoding, '') as StoredDocument;
}

/** Refuses an `_id` that is not a non-empty string. */
export function checkId(id: unknown): asserts id is string {
  if (typeof id !== 'string' || id === '') {
    throw new StoreQueryError(`A document's _id must be a non-empty string; got ${describe(id)}.`, {
      path: '_id',
    });
  }
}

/** The caller's form of a stored value: always a copy that shares nothing with the store. */
export function decodeValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(decodeValue);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  const entries = value as Record<string, unknown>;
  const bytes = entries[BYTES];
  if (typeof bytes === 'string') return Uint8Array.from(Buffer.from(bytes, 'base64'));
  const number = entries[NUMBER];
  if (typeof number === 'string') return Number(number);
  const decoded: Record<string, unknown> = {};
  for (const key in entries) {
    if (key.startsWith(HIDDEN)) continue;
    decoded[unescapeKey(key)] = decodeValue(entries[key]);
  }
  return decoded;
}

/** The tagged form of a number: itself where JSON can hold it. */
export function tagNumber(value: number): StoredValue {
  return Number.isFinite(value) ? value : { [NUMBER]: String(value) };
}

/** The number behind a tagged NaN or ±Infinity; undefined for everything else. */
export function taggedNumber(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const number = (value as Record<string, unknown>)[NUMBER];
  return typeof number === 'string' ? Number(number) : undefined;
}

function escapeKey(key: string, path: string): string {
  if (key === '') return EMPTY;
  if (key === '__proto__') {
    throw new StoreQueryError(`Field name '${key}' under '${path}' can't be stored.`, { path });
  }
  if (!key.includes('.') && !key.startsWith('$') && !key.includes(MARK)) return key;
  const dotted = key.replaceAll(MARK, `${MARK}e`).replaceAll('.', `${MARK}d`);
  return dotted.startsWith('$') ? `${MARK}s${dotted.slice(1)}` : dotted;
}

function unescapeKey(key: string): string {
  if (!key.includes(MARK)) return key;
  if (key === EMPTY) return '';
  return key.replace(new RegExp(`${MARK}([eds])`, 'g'), (_, mark: string) =>
    mark === 'e' ? MARK : mark === 'd' ? '.' : '$',
  );
}

function unsupported(path: string, type: string): StoreQueryError {
  const hint = type === 'Date' ? '; store an ISO string or a number' : '';
  return new StoreQueryError(
    `The value at '${path}' is a ${type}, which the store does not hold${hint}. Stored are JSON values and Uint8Array.`,
    { path, type },
  );
}

/** A short description of a value for messages. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? `'${value}'` : JSON.stringify(value);
  return text === undefined ? typeof value : text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
