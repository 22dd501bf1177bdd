import { parseDecimal } from '@rookery/tabular';

const QUOTE = 0x22;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
/** `e` and `E` differ in this bit. */
const SMALL = 0x20;
const SMALL_E = 0x65;

/** Powers of ten that a double holds exactly. */
export const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
/** As many digits as fit a double exactly, whichever they are. */
const EXACT_DIGITS = 15;
/** Exponents of more digits lead out of the doubles, or are written with zeros in front. */
const EXPONENT_DIGITS = 4;

/**
 * The number written in these bytes (`[+-]digits[.digits][e[+-]digits]`, maybe in quotes), to the last bit what `Number` makes
 * of the text; NaN for anything else, and for numbers beyond the doubles. Where mantissa and power of ten are exact, their
 * product or quotient is the nearest double (Clinger 1990); others go by `Number`.
 */
export function decimalOf(bytes: Uint8Array, from: number, to: number): number {
  let start = from;
  let end = to;
  if (bytes[start] === QUOTE) {
    start++;
    end--;
  }
  let at = start;
  const sign = at < end ? bytes[at]! : 0;
  if (sign === MINUS || sign === PLUS) at++;
  let mantissa = 0;
  let digits = 0;
  let places = 0;
  let point = false;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit >= 0 && digit <= 9) {
      mantissa = mantissa * 10 + digit;
      digits++;
      if (point) places++;
    } else if (digit === POINT - ZERO && !point) point = true;
    else break;
  }
  if (digits === 0) return NaN;
  let exponent = -places;
  if (at < end) {
    const written = exponentOf(bytes, at, end);
    if (written === undefined) return NaN;
    exponent += written;
  }
  if (digits <= EXACT_DIGITS && exponent >= -22 && exponent <= 22) {
    const size = exponent < 0 ? mantissa / POWERS[-exponent]! : mantissa * POWERS[exponent]!;
    return sign === MINUS ? -size : size;
  }
  const value = Number(latin1(bytes, start, end));
  return Number.isFinite(value) ? value : NaN;
}

/** The exponent that begins here and ends the cell; undefined where it is none. One of many digits is ±∞. */
function exponentOf(bytes: Uint8Array, from: number, end: number): number | undefined {
  let at = from;
  if ((bytes[at]! | SMALL) !== SMALL_E) return undefined;
  at++;
  const sign = at < end ? bytes[at]! : 0;
  if (sign === MINUS || sign === PLUS) at++;
  if (at === end) return undefined;
  const few = end - at <= EXPONENT_DIGITS;
  let size = 0;
  for (; at < end; at++) {
    const digit = bytes[at]! - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    size = size * 10 + digit;
  }
  if (!few) size = Infinity;
  return sign === MINUS ? -size : size;
}

function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = '';
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Text of a cell, unquoted. */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
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

/** How the cells of a numeric column are read. */
export interface NumberCells {
  /** No missing token is a number, so that digits may be read before tokens are looked for. */
  readonly digitsFirst: boolean;
  /** The number of a cell, NaN where it is missing; undefined where it is neither. */
  read(bytes: Uint8Array, start: number, end: number): number | undefined;
}

/**
 * Numbers as the rule of `inferColumn` in tabular reads them: a missing token, with or without white space around it, is
 * missing; any other cell a finite decimal number, or none.
 */
export function numberCells(missingTokens: ReadonlySet<string>): NumberCells {
  // A token such as -999 is compared as text, so no digit may be read before that.
  const digitsFirst = ![...missingTokens].some((token) => parseDecimal(token) !== undefined);
  // A cell of no byte is the commonest gap.
  const emptyIsMissing = missingTokens.has('');
  return {
    digitsFirst,
    read(bytes, start, end) {
      if (start === end && emptyIsMissing) return NaN;
      if (digitsFirst) {
        const value = decimalOf(bytes, start, end);
        if (!Number.isNaN(value)) return value;
      }
      const text = textOf(bytes, start, end);
      if (missingTokens.has(text) || missingTokens.has(text.trim())) return NaN;
      return parseDecimal(text);
    },
  };
}
