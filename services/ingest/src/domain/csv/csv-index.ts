import { TerminalError } from '@rookery/contracts';

import { cellTooLong, checkTableSize, rowTooLong } from '../formats/table-limits.js';
import type { TableLimits } from '../formats/table-limits.js';
import { lineAt } from '../formats/text-bytes.js';

const QUOTE = 0x22;
const LF = 10;
const CR = 13;

/** Bytes scanned between two pauses: some ten milliseconds of work. */
const SLICE_BYTES = 8 * 1024 * 1024;

/**
 * Where every cell of a CSV file lies. Record r, cell c begins at `starts[r * stride + c]` and ends before
 * `starts[r * stride + c + 1] − 1`; `stride` is the number of columns + 1. Record 0 is the header. 4 bytes a cell,
 * whatever the cells hold.
 */
export interface CsvIndex {
  readonly bytes: Uint8Array;
  readonly columns: number;
  /** With the header. */
  readonly records: number;
  readonly stride: number;
  readonly starts: Uint32Array;
}

export interface CsvIndexOptions {
  /** Offset of the header, behind a byte order mark. */
  readonly from: number;
  /** Byte between cells. */
  readonly delimiter: number;
  readonly limits: TableLimits;
  /** Awaited every few megabytes, so that timers and other calls get their turn. */
  readonly pause: () => Promise<void>;
}

/**
 * Finds the cells of a CSV file (RFC 4180: quotes, doubled quotes, line breaks within quotes; LF, CR LF or CR
 * between records). Empty lines are skipped; a quote within an unquoted cell is an ordinary character.
 * Throws RK_DATASET_EMPTY, RK_DATASET_TOO_MANY_COLUMNS, RK_DATASET_RAGGED (line, expected, got) and
 * RK_DATASET_MALFORMED (unclosed quote, text behind a closing quote), RK_DATASET_TOO_LARGE (rows, cells, a line, a cell).
 */
export async function indexCsv(bytes: Uint8Array, options: CsvIndexOptions): Promise<CsvIndex> {
  const header = scanHeader(bytes, options);
  const columns = header.starts.length - 1;
  const stride = columns + 1;
  const scan: Scan = {
    bytes,
    columns,
    delimiter: options.delimiter,
    position: header.next,
    starts: new Uint32Array(Math.max(1024, 4 * stride)),
    used: stride,
    records: 1,
  };
  scan.starts.set(header.starts);
  while (scan.position < bytes.length) {
    const before = scan.used;
    scanRecords(scan, Math.min(bytes.length, scan.position + SLICE_BYTES));
    checkTableSize(scan.records - 1, columns, options.limits);
    checkLengths(scan, before, options.limits);
    if (scan.position < bytes.length) await options.pause();
  }
  return { bytes, columns, records: scan.records, stride, starts: scan.starts };
}

interface Scan {
  readonly bytes: Uint8Array;
  readonly columns: number;
  readonly delimiter: number;
  position: number;
  starts: Uint32Array;
  used: number;
  records: number;
}

/** Scans whole records until the position is at or behind `until`. */
function scanRecords(scan: Scan, until: number): void {
  const { bytes, columns, delimiter } = scan;
  const end = bytes.length;
  const stride = columns + 1;
  let position = scan.position;
  let starts = scan.starts;
  let base = scan.used;
  while (position < until) {
    if (bytes[position] === LF || bytes[position] === CR) {
      position++;
      continue;
    }
    if (base + stride > starts.length) {
      const grown = new Uint32Array(Math.max(starts.length * 2, base + stride));
      grown.set(starts);
      starts = grown;
    }
    const recordStart = position;
    let cell = 0;
    for (;;) {
      if (cell < columns) starts[base + cell] = position;
      if (bytes[position] === QUOTE) position = endOfQuoted(bytes, position, delimiter);
      else {
        while (position < end) {
          const byte = bytes[position]!;
          if (byte === delimiter || byte === LF || byte === CR) break;
          position++;
        }
      }
      cell++;
      if (position >= end || bytes[position] !== delimiter) break;
      position++;
    }
    if (cell !== columns) throw ragged(bytes, recordStart, columns, cell);
    starts[base + columns] = position + 1;
    position += bytes[position] === CR && bytes[position + 1] === LF ? 2 : 1;
    base += stride;
    scan.records++;
  }
  scan.position = position;
  scan.starts = starts;
  scan.used = base;
}

/** Checks the lengths of the lines and cells that were found from `from` on. */
function checkLengths({ bytes, starts, used, columns }: Scan, from: number, limits: TableLimits): void {
  const { maxRowBytes, maxCellBytes } = limits;
  const stride = columns + 1;
  for (let base = from; base < used; base += stride) {
    const length = starts[base + columns]! - 1 - starts[base]!;
    // A cell is no longer than its line: most files are done here.
    if (length <= maxCellBytes && length <= maxRowBytes) continue;
    const line = lineAt(bytes, starts[base]!);
    if (length > maxRowBytes) throw rowTooLong(line, length, limits);
    for (let at = base; at < base + columns; at++) {
      const cell = starts[at + 1]! - 1 - starts[at]!;
      if (cell > maxCellBytes) {
        throw cellTooLong(cell, limits, { line: String(line), column: String(at - base + 1) });
      }
    }
  }
}

function scanHeader(bytes: Uint8Array, options: CsvIndexOptions): { starts: number[]; next: number } {
  const { delimiter, limits } = options;
  const { maxColumns } = limits;
  let position = options.from;
  while (bytes[position] === LF || bytes[position] === CR) position++;
  if (position >= bytes.length)
    throw new TerminalError('RK_DATASET_EMPTY', 'The file has no header: it is blank');
  const starts: number[] = [];
  for (;;) {
    if (starts.length === maxColumns) throw tooManyColumns(maxColumns);
    starts.push(position);
    if (bytes[position] === QUOTE) position = endOfQuoted(bytes, position, delimiter);
    else {
      while (position < bytes.length) {
        const byte = bytes[position]!;
        if (byte === delimiter || byte === LF || byte === CR) break;
        position++;
      }
    }
    if (position >= bytes.length || bytes[position] !== delimiter) break;
    position++;
  }
  starts.push(position + 1);
  return { starts, next: position + (bytes[position] === CR && bytes[position + 1] === LF ? 2 : 1) };
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
