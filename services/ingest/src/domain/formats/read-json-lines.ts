import { TerminalError } from '@rookery/contracts';
import { createTable } from '@rookery/tabular';

import { tooManyColumns } from '../csv/csv-scan.js';
import { checkColumnNames, checkNamedColumns, labelListText } from './parsed-table.js';
import type { ParsedTable, ReadOptions } from './parsed-table.js';
import { cellTooLong, checkTableSize, rowTooLong } from './table-limits.js';
import { checkText } from './text-bytes.js';
import { columnOfValues } from './value-column.js';
import type { CellOfFile } from './value-column.js';

/** Lists and objects within each other, in a column that is ignored: each level costs many times its byte. */
const MAX_DEPTH = 64;
const ROWS_BETWEEN_PAUSES = 20_000;

/**
 * Reads JSON Lines: one object a line, UTF-8; blank lines are skipped. Columns are the keys in order of first
 * appearance; a key that a line lacks, and null, are missing. Text cells go by the same rule as in CSV, so "12" in
 * quotes is a number too. Throws RK_DATASET_MALFORMED naming the line (and column) for anything else than an
 * object of texts, finite numbers, booleans and nulls, unless the column is ignored or holds lists of labels.
 */
export async function readJsonLines(bytes: Uint8Array, options: ReadOptions): Promise<ParsedTable> {
  const columns = new Map<string, CellOfFile[]>();
  const dropped = new Set<string>();
  const lines: number[] = [];
  let line = 0;
  for (let start = checkText(bytes); start < bytes.length;) {
    line++;
    const feed = bytes.indexOf(10, start);
    const end = feed < 0 ? bytes.length : feed;
    // A line is parsed as a whole, so its size bounds the memory that a hostile file can take.
    if (end - start > options.maxRowBytes) throw rowTooLong(line, end - start, options);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start)
      .toString('utf8')
      .trim();
    start = end + 1;
    if (text === '') continue;
    addRow(objectOf(text, line), { columns, dropped, row: lines.length, line, options });
    lines.push(line);
    // A cell that is missing takes as much as one that is there: a few names in each line stand for all the others.
    checkTableSize(lines.length, columns.size, options);
    if (lines.length % ROWS_BETWEEN_PAUSES === 0) await options.pause();
  }
  if (lines.length === 0) throw new TerminalError('RK_DATASET_EMPTY', 'The file has no rows: it is blank');
  const names = [...columns.keys()].filter((name) => !dropped.has(name));
  checkColumnNames(names);
  checkNamedColumns([...columns.keys(), ...dropped], options);
  const locate = (row: number): Record<string, string> => ({ line: String(lines[row - 1] ?? '') });
  const table = createTable(
    names.map((name) => {
      const cells = columns.get(name)!;
      while (cells.length < lines.length) cells.push(null);
      return columnOfValues(name, cells, options, { locate });
    }),
  );
  return { table, dropped: [...dropped] };
}

interface RowContext {
  readonly columns: Map<string, CellOfFile[]>;
  readonly dropped: Set<string>;
  readonly row: number;
  readonly line: number;
  readonly options: ReadOptions;
}

function addRow(object: Record<string, unknown>, context: RowContext): void {
  const { columns, dropped, row, line, options } = context;
  for (const name of Object.keys(object)) {
    if (dropped.has(name)) continue;
    const value = cellOf(name, object[name], options);
    if (typeof value === 'object' && value !== null) {
      if (!options.ignore.has(name)) {
        const what = Array.isArray(value) ? 'a list' : 'an object';
        throw malformed(
          line,
          `has ${what} in column ${JSON.stringify(name)}; a cell must be text, number, boolean or null`,
          {
            column: name,
          },
        );
      }
      dropped.add(name);
      continue;
    }
    if (typeof value === 'string' && value.length > options.maxCellBytes)
      throw cellTooLong(value.length, options, { line: String(line), column: name.slice(0, 80) });
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw malformed(line, `has a number that is too large in column ${JSON.stringify(name)}`, {
        column: name,
      });
    }
    let cells = columns.get(name);
    if (cells === undefined) {
      if (columns.size === options.maxColumns) throw tooManyColumns(options.maxColumns);
      columns.set(name, (cells = []));
    }
    while (cells.length < row) cells.push(null);
    cells.push(value as CellOfFile);
  }
}

/** A cell as it is; a list of labels, where the column may hold them, as text. */
function cellOf(name: string, value: unknown, { labelColumn }: ReadOptions): unknown {
  if (!Array.isArray(value) || name !== labelColumn?.name) return value;
  return labelListText(value) ?? value;
}

function objectOf(text: string, line: number): Record<string, unknown> {
  if (nesting(text) > MAX_DEPTH) throw malformed(line, `is nested deeper than ${MAX_DEPTH} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(
      line,
      `is not JSON: ${error instanceof Error ? error.message.slice(0, 120) : String(error)}`,
    );
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw malformed(
    line,
    `must be a JSON object, not ${Array.isArray(value) ? 'a list' : String(typeof value)}`,
  );
}

/** How deep lists and objects stand within each other; those of a text that is no JSON may be counted as well. */
function nesting(text: string): number {
  if (!text.includes('[') && !text.includes('{', 1)) return 1;
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === 0x22) {
      // To the closing quote, past those that a backslash takes away.
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (char === 0x5b || char === 0x7b) deepest = Math.max(deepest, ++depth);
    else if (char === 0x5d || char === 0x7d) depth--;
  }
  return deepest;
}

function malformed(line: number, what: string, more: Record<string, string> = {}): TerminalError {
  return new TerminalError('RK_DATASET_MALFORMED', `Line ${line} ${what}`, {
    details: { line: String(line), ...more },
    hint: 'Write one JSON object of plain values on each line.',
  });
}
