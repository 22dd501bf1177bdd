import { parseDecimal } from '@rookery/tabular';

import type { CsvIndex } from './csv-index.js';

const QUOTE = 0x22;

/** Most distinct texts of a column that are kept to be shared between its cells. */
const MAX_SHARED = 65_536;

/** Powers of ten that a double holds exactly. */
const POWERS = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

/** Text of one cell, unquoted. */
export function cellText(index: CsvIndex, record: number, column: number): string {
  const at = record * index.stride + column;
  return textOf(index.bytes, index.starts[at]!, index.starts[at + 1]! - 1);
}

/** Texts of a column, the header left out. Equal short texts share one string. */
export function columnTexts(index: CsvIndex, column: number): string[] {
  const share = createSharedText(index.bytes);
  const texts = new Array<string>(index.records - 1);
  let at = index.stride + column;
  for (let row = 0; row < texts.length; row++, at += index.stride) {
    texts[row] = share(index.starts[at]!, index.starts[at + 1]! - 1);
  }
  return texts;
}

/**
 * Numbers of a column (NaN where missing), or undefined where a cell is neither a finite decimal number nor a
 * missing token: the same answer as the rule of `inferColumn` in tabular, without a string for each cell.
 */
export function columnNumbers(
  index: CsvIndex,
  column: number,
  missingTokens: ReadonlySet<string>,
): Float64Array<ArrayBuffer> | undefined {
  const { bytes, starts, stride } = index;
  const share = createSharedText(bytes);
  // A token such as -999 is compared as text, so no digit may be read before that.
  const digitsFirst = ![...missingTokens].some((token) => parseDecimal(token) !== undefined);
  const numbers = new Float64Array(index.records - 1);
  let at = stride + column;
  for (let row = 0; row < numbers.length; row++, at += stride) {
    const start = starts[at]!;
    const end = starts[at + 1]! - 1;
    let value = digitsFirst ? plainDecimal(bytes, start, end) : NaN;
    if (Number.isNaN(value)) {
      const text = share(start, end);
      if (!missingTokens.has(text) && !missingTokens.has(text.trim())) {
        const parsed = parseDecimal(text);
        if (parsed === undefined) return undefined;
        value = parsed;
      }
    }
    numbers[row] = value;
  }
  return numbers;
}

/**
 * The number written in the bytes, where it is a sign, at most 15 digits and maybe a point: mantissa and power of
 * ten are exact then, and so their quotient is the nearest double (Clinger 1990). NaN for anything else.
 */
function plainDecimal(bytes: Uint8Array, start: number, end: number): number {
  let position = start;
  let stop = end;
  if (bytes[position] === QUOTE) {
    position++;
    stop--;
  }
  const negative = bytes[position] === 0x2d;
  if (negative || bytes[position] === 0x2b) position++;
  if (stop - position > 16) return NaN;
  let mantissa = 0;
  let digits = 0;
  let point = -1;
  for (; position < stop; position++) {
    const byte = bytes[position]!;
    if (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30);
      digits++;
    } else if (byte === 0x2e && point < 0) point = digits;
    else return NaN;
  }
  if (digits === 0 || digits > 15) return NaN;
  const size = point < 0 ? mantissa : mantissa / POWERS[digits - point]!;
  return negative ? -size : size;
}

/** Reads cells as text and gives equal ones the same string, so that a column of few categories costs few strings. */
function createSharedText(bytes: Uint8Array): (start: number, end: number) => string {
  let mask = 1023;
  let slots = new Int32Array(mask + 1);
  const texts: string[] = [''];
  const spans: number[] = [0, 0];
  const hashes: number[] = [0];
  const grow = (): void => {
    mask = mask * 2 + 1;
    slots = new Int32Array(mask + 1);
    for (let entry = 1; entry < texts.length; entry++) {
      let slot = hashes[entry]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
  };
  return (start, end) => {
    const length = end - start;
    if (length > 64) return textOf(bytes, start, end);
    // FNV-1a
    let hash = 0x811c9dc5;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
    hash = (hash ^ (hash >>> 15)) & 0x7fffffff;
    let slot = hash & mask;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (
        hashes[entry] === hash &&
        sameBytes(bytes, start, length, spans[2 * entry]!, spans[2 * entry + 1]!)
      ) {
        return texts[entry]!;
      }
      slot = (slot + 1) & mask;
    }
    const text = textOf(bytes, start, end);
    if (texts.length > MAX_SHARED) return text;
    slots[slot] = texts.push(text) - 1;
    hashes.push(hash);
    spans.push(start, length);
    if (texts.length * 2 > mask) grow();
    return text;
  };
}

function sameBytes(
  bytes: Uint8Array,
  start: number,
  length: number,
  other: number,
  otherLength: number,
): boolean {
  if (length !== otherLength) return false;
  for (let i = 0; i < length; i++) if (bytes[start + i] !== bytes[other + i]) return false;
  return true;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (bytes[start] !== QUOTE) return decode(bytes, start, end);
  const inner = decode(bytes, start + 1, end - 1);
  return inner.includes('""') ? inner.replaceAll('""', '"') : inner;
}

function decode(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 24) return decoder.decode(bytes.subarray(start, end));
  let text = '';
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte >= 0x80) return decoder.decode(bytes.subarray(start, end));
    text += String.fromCharCode(byte);
  }
  return text;
}
