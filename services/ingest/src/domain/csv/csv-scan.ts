import { TerminalError } from '@rookery/contracts';

import { cellTooLong, rowTooLong } from '../formats/table-limits.js';
import type { TableLimits } from '../formats/table-limits.js';
import { lineAt } from '../formats/text-bytes.js';
import { POWERS } from './csv-cells.js';
import { CODES, NUMBERS, PLACES, SKIPPED } from './csv-columns.js';
import type { CsvColumns } from './csv-columns.js';
import { HASH_PRIME, HASH_SEED } from './text-dictionary.js';

const QUOTE = 0x22;
const LF = 10;
const CR = 13;
const PLUS = 0x2b;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
/** Any so many digits fit a whole number of 32 bits. */
const SHORT_DIGITS = 9;

/** What is read of a file: RFC 4180 (quotes, doubled quotes, line breaks within quotes), records ended by LF, CR LF or CR. */
export interface CsvText {
  readonly bytes: Uint8Array;
  /** Byte between cells: a comma, semicolon or tab. */
  readonly delimiter: number;
  readonly limits: TableLimits;
}

/** Where the cells of the header begin, and where its records do. */
export interface CsvHeader {
  /** With the position behind the delimiter that would follow the last cell. */
  readonly starts: readonly number[];
  readonly next: number;
}

/**
 * Finds the cells of the header, from the first byte that is no byte order mark. Throws RK_DATASET_EMPTY,
 * RK_DATASET_TOO_MANY_COLUMNS, RK_DATASET_MALFORMED.
 */
export function scanHeader({ bytes, delimiter, limits }: CsvText, from: number): CsvHeader {
  const { maxColumns } = limits;
  let position = from;
  while (bytes[position] === LF || bytes[position] === CR) position++;
  if (position >= bytes.length)
    throw new TerminalError('RK_DATASET_EMPTY', 'The file has no header: it is blank');
  const starts: number[] = [];
  for (;;) {
    if (starts.length === maxColumns) throw tooManyColumns(maxColumns);
    starts.push(position);
    position = endOfCell(bytes, position, delimiter);
    if (position >= bytes.length || bytes[position] !== delimiter) break;
    position++;
  }
  starts.push(position + 1);
  return { starts, next: position + (bytes[position] === CR && bytes[position + 1] === LF ? 2 : 1) };
}

/** Behind which byte and row a scan is. */
export interface CsvPosition {
  position: number;
  /** Records read, without the header. */
  row: number;
}

/**
 * Reads whole records into the columns until the position is at or behind `until`, or `lastRow` rows are read. Finding the
 * end of a cell and reading its number, or the hash of its text, are one walk over its bytes. Empty lines are passed over; a
 * quote within an unquoted cell is an ordinary character. Throws RK_DATASET_RAGGED (line, expected, got),
 * RK_DATASET_MALFORMED (unclosed quote, text behind a closing quote) and RK_DATASET_TOO_LARGE (a line, a cell).
 */
export function scanRecords(
  text: CsvText,
  columns: CsvColumns,
  at: CsvPosition,
  until: number,
  lastRow: number,
): void {
  const { bytes, delimiter, limits } = text;
  const { kinds, numbers, codes, dictionaries, places } = columns;
  const { digitsFirst } = columns.cells;
  const width = kinds.length;
  const end = bytes.length;
  // A cell is no longer than its line: most lines need no other look.
  const longest = Math.min(limits.maxCellBytes, limits.maxRowBytes);
  // Letters and digits lie above all bytes that end a cell: one look tells.
  const highest = Math.max(delimiter, CR);
  let { position, row } = at;
  while (position < until && row < lastRow) {
    const recordStart = position;
    const opening = bytes[position]!;
    if (opening === LF || opening === CR) {
      position++;
      continue;
    }
    let column = 0;
    for (;;) {
      const start = position;
      const kind = column < width ? kinds[column]! : SKIPPED;
      const first = position < end ? bytes[position]! : LF;
      if (first === QUOTE) {
        position = endOfQuoted(bytes, position, delimiter);
        if (kind !== SKIPPED) columns.take(column, row, start, position);
      } else if (kind === NUMBERS && digitsFirst) {
        // Most numbers are a sign, few digits and a point. What is not, is left to `take`.
        if (first === MINUS || first === PLUS) position++;
        let mantissa = 0;
        let byte = LF;
        let digits = -position;
        while (position < end) {
          byte = bytes[position]!;
          const digit = byte - ZERO;
          if (digit >>> 0 > 9) break;
          mantissa = (Math.imul(mantissa, 10) + digit) | 0;
          position++;
        }
        digits += position;
        let behind = 0;
        if (byte === POINT && position < end) {
          position++;
          behind = -position;
          while (position < end) {
            byte = bytes[position]!;
            const digit = byte - ZERO;
            if (digit >>> 0 > 9) break;
            mantissa = (Math.imul(mantissa, 10) + digit) | 0;
            position++;
          }
          behind += position;
          digits += behind;
        }
        const ended = position >= end || byte === delimiter || byte === LF || byte === CR;
        if (ended && digits > 0 && digits <= SHORT_DIGITS) {
          const size = behind === 0 ? mantissa : mantissa / POWERS[behind]!;
          numbers[column]![row] = first === MINUS ? -size : size;
        } else {
          if (!ended) position = endOfPlain(bytes, position, delimiter);
          columns.take(column, row, start, position);
        }
      } else if (kind === CODES) {
        let hash = HASH_SEED;
        while (position < end) {
          const byte = bytes[position]!;
          if (byte <= highest && (byte === delimiter || byte === LF || byte === CR)) break;
          hash = Math.imul(hash ^ byte, HASH_PRIME);
          position++;
        }
        const code = dictionaries[column]!.codeOf(start, position, hash);
        if (code < 0) columns.otherwise(column);
        else codes[column]![row] = code;
      } else {
        position = endOfPlain(bytes, position, delimiter);
        if (kind === PLACES) places[column]![row] = start;
        else if (kind === NUMBERS) columns.take(column, row, start, position);
      }
      column++;
      if (position >= end || bytes[position] !== delimiter) break;
      position++;
    }
    if (column !== width) throw ragged(bytes, recordStart, width, column);
    if (position - recordStart > longest) checkLengths(text, recordStart, position);
    row++;
    position += position + 1 < end && bytes[position] === CR && bytes[position + 1] === LF ? 2 : 1;
  }
  at.position = position;
  at.row = row;
}

/** Checks the lengths of a line and its cells. */
function checkLengths({ bytes, delimiter, limits }: CsvText, from: number, to: number): void {
  const line = lineAt(bytes, from);
  if (to - from > limits.maxRowBytes) throw rowTooLong(line, to - from, limits);
  for (let start = from, column = 1; start <= to; column++) {
    const end = endOfCell(bytes, start, delimiter);
    if (end - start > limits.maxCellBytes) {
      throw cellTooLong(end - start, limits, { line: String(line), column: String(column) });
    }
    start = end + 1;
  }
}

/** Position behind the cell that begins at `start`. */
export function endOfCell(bytes: Uint8Array, start: number, delimiter: number): number {
  return bytes[start] === QUOTE ? endOfQuoted(bytes, start, delimiter) : endOfPlain(bytes, start, delimiter);
}

function endOfPlain(bytes: Uint8Array, start: number, delimiter: number): number {
  let position = start;
  while (position < bytes.length) {
    const byte = bytes[position]!;
    if (byte === delimiter || byte === LF || byte === CR) break;
    position++;
  }
  return position;
}

/** Position behind the closing quote of the cell that begins with a quote at `open`. */
function endOfQuoted(bytes: Uint8Array, open: number, delimiter: number): number {
  const end = bytes.length;
  let position = open + 1;
  for (;;) {
    while (position < end && bytes[position] !== QUOTE) position++;
    if (position >= end) {
      const line = String(lineAt(bytes, open));
      throw new TerminalError('RK_DATASET_MALFORMED', `Line ${line}: a quote is opened and never closed`, {
        details: { line, column: String(open - startOfLine(bytes, open) + 1) },
        hint: 'Close the quote, or double it where it belongs to the text.',
      });
    }
    position++;
    if (bytes[position] !== QUOTE) break;
    position++;
  }
  const next = bytes[position];
  if (next === undefined || next === delimiter || next === LF || next === CR) return position;
  const line = String(lineAt(bytes, position));
  throw new TerminalError('RK_DATASET_MALFORMED', `Line ${line}: there is text behind a closing quote`, {
    details: { line, column: String(position - startOfLine(bytes, position) + 1) },
    hint: 'Put the whole cell in quotes, and double each quote within it.',
  });
}

function startOfLine(bytes: Uint8Array, position: number): number {
  let start = position;
  while (start > 0 && bytes[start - 1] !== LF && bytes[start - 1] !== CR) start--;
  return start;
}

function ragged(bytes: Uint8Array, recordStart: number, expected: number, got: number): TerminalError {
  const line = String(lineAt(bytes, recordStart));
  return new TerminalError(
    'RK_DATASET_RAGGED',
    `Line ${line} has ${got} cells where the header has ${expected}`,
    {
      details: { line, expected: String(expected), got: String(got) },
    },
  );
}

/** RK_DATASET_TOO_MANY_COLUMNS for a file with more columns than the limit. */
export function tooManyColumns(maxColumns: number): TerminalError {
  return new TerminalError('RK_DATASET_TOO_MANY_COLUMNS', `The file has more than ${maxColumns} columns`, {
    details: { limit: String(maxColumns) },
  });
}
