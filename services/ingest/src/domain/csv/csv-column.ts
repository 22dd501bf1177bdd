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

/** Reads a column piece by piece, rows in order. */
export interface ColumnReader<T> {
  /** Reads these rows (from 0, the header left out); false where the column is not of this kind: it has no result then. */
  read(from: number, to: number): boolean;
  readonly result: T;
}

/**
 * Numbers of a column (NaN where missing); not of this kind where a cell is neither a finite decimal number nor a missing
 * token: the same answer as the rule of `inferColumn` in tabular, without a string for each cell.
 */
export function numberReader(
  index: CsvIndex,
  column: number,
  missingTokens: ReadonlySet<string>,
): ColumnReader<Float64Array<ArrayBuffer>> {
  const { bytes, starts, stride } = index;
  const share = createSharedText(bytes);
  // A token such as -999 is compared as text, so no digit may be read before that.
  const digitsFirst = ![...missingTokens].some((token) => parseDecimal(token) !== undefined);
  // A cell of no byte is the commonest gap.
  const emptyIsMissing = missingTokens.has('');
  const numbers = new Float64Array(index.records - 1);
  return {
    result: numbers,
    read(from, to) {
      let at = (from + 1) * stride + column;
      for (let row = from; row < to; row++, at += stride) {
        const start = starts[at]!;
        const end = starts[at + 1]! - 1;
        let value = digitsFirst ? plainDecimal(bytes, start, end) : NaN;
        if (Number.isNaN(value) && !(emptyIsMissing && start === end)) {
          const text = share(start, end);
          if (!missingTokens.has(text) && !missingTokens.has(text.trim())) {
            const parsed = parseDecimal(text);
            if (parsed === undefined) return false;
            value = parsed;
          }
        }
        numbers[row] = value;
      }
      return true;
    },
  };
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

/** Texts of a column by first occurrence, and the number of each row's text. */
export interface TextCodes {
  readonly codes: Int32Array;
  readonly texts: readonly string[];
}

/** A column as codes into its distinct texts, without a string a cell; not of this kind where there are too many of them. */
export function codeReader(index: CsvIndex, column: number): ColumnReader<TextCodes> {
  const { bytes, starts, stride } = index;
  const { codeOf, texts } = createDictionary(bytes);
  const codes = new Int32Array(index.records - 1);
  return {
    result: { codes, texts },
    read(from, to) {
      let at = (from + 1) * stride + column;
      for (let row = from; row < to; row++, at += stride) {
        const code = codeOf(starts[at]!, starts[at + 1]! - 1);
        if (code < 0) return false;
        codes[row] = code;
      }
      return true;
    },
  };
}

/** Reads cells as text and gives equal ones the same string, so that a column of few categories costs few strings. */
function createSharedText(bytes: Uint8Array): (start: number, end: number) => string {
  const dictionary = createDictionary(bytes);
  return (start, end) => {
    const code = dictionary.codeOf(start, end);
    return code < 0 ? textOf(bytes, start, end) : dictionary.texts[code]!;
  };
}

/** Distinct cells by their bytes. */
interface Dictionary {
  readonly texts: string[];
  /** Number of the cell's text, −1 for a long one and for a new one where there are MAX_SHARED already. */
  codeOf(start: number, end: number): number;
}

function createDictionary(bytes: Uint8Array): Dictionary {
  let mask = 1023;
  let slots = new Int32Array(mask + 1).fill(-1);
  const texts: string[] = [];
  const spans: number[] = [];
  const hashes: number[] = [];
  // A quoted cell and the same one without quotes are one text.
  const codes = new Map<string, number>();
  const entryCodes: number[] = [];
  const grow = (): void => {
    mask = mask * 2 + 1;
    slots = new Int32Array(mask + 1).fill(-1);
    for (let entry = 0; entry < hashes.length; entry++) {
      let slot = hashes[entry]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = entry;
    }
  };
  return {
    texts,
    codeOf(start, end) {
      const length = end - start;
      if (length > 64) return -1;
      // FNV-1a
      let hash = 0x811c9dc5;
      for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
      hash = (hash ^ (hash >>> 15)) & 0x7fffffff;
      let slot = hash & mask;
      for (let entry = slots[slot]!; entry >= 0; entry = slots[slot]!) {
        if (
          hashes[entry] === hash &&
          sameBytes(bytes, start, length, spans[2 * entry]!, spans[2 * entry + 1]!)
        ) {
          return entryCodes[entry]!;
        }
        slot = (slot + 1) & mask;
      }
      if (hashes.length >= MAX_SHARED) return -1;
      const text = textOf(bytes, start, end);
      let code = codes.get(text);
      if (code === undefined) codes.set(text, (code = texts.push(text) - 1));
      slots[slot] = hashes.push(hash) - 1;
      entryCodes.push(code);
      spans.push(start, length);
      if (hashes.length * 2 > mask) grow();
      return code;
    },
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
