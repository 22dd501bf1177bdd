import { TerminalError } from '@rookery/contracts';
import { createTable, inferColumn } from '@rookery/tabular';
import type { Column, ColumnType } from '@rookery/tabular';

import { checkColumnNames, checkNamedColumns, givenType, withCellErrors } from '../formats/parsed-table.js';
import type { ParsedTable, ReadOptions } from '../formats/parsed-table.js';
import { checkTableSize } from '../formats/table-limits.js';
import { checkText, lineAt } from '../formats/text-bytes.js';
import { numberCells, textOf } from './csv-cells.js';
import { CODES, CsvColumns, NUMBERS } from './csv-columns.js';
import { endOfCell, scanHeader, scanRecords } from './csv-scan.js';
import type { CsvPosition, CsvText } from './csv-scan.js';
import { detectDelimiter } from './delimiter.js';

/** What is particular to CSV. */
export interface CsvOptions extends ReadOptions {
  /** The file's ending says that cells are separated by tabs. */
  readonly tabs?: boolean;
}

/**
 * Reads a CSV file: RFC 4180 with a header, UTF-8, with or without byte order mark, any line ends. Types of the
 * columns are inferred by the rule of `inferColumn` unless given. Memory: the file and the columns.
 * Throws RookeryErrors that name line, column and cell.
 */
export async function readCsv(bytes: Uint8Array, options: CsvOptions): Promise<ParsedTable> {
  const from = checkText(bytes);
  const text: CsvText = { bytes, delimiter: detectDelimiter(bytes, from, options.tabs), limits: options };
  const header = scanHeader(text, from);
  const names = header.starts.slice(0, -1).map((start, i) => textOf(bytes, start, header.starts[i + 1]! - 1));
  checkColumnNames(names);
  checkNamedColumns(names, options);
  const tokens = new Set(options.missingTokens);
  const types = names.map((name) => givenType(options, name));
  const columns = new CsvColumns(bytes, types, numberCells(tokens));
  const rows = await readRows(text, header.next, columns, options.pause);
  if (rows === 0) {
    throw new TerminalError(
      'RK_DATASET_EMPTY',
      `The file has a header of ${names.length} columns and no rows`,
      {
        details: { columns: String(names.length) },
      },
    );
  }
  const table: Column[] = [];
  const read: ReadRows = { text, header: header.next, rows, columns, tokens, options };
  for (const [at, name] of names.entries()) {
    if (at > 0 && rows * at > 1_000_000) await options.pause();
    table.push(columnOf(read, at, name));
  }
  return { table: createTable(table), dropped: [] };
}

/** Bytes read between two pauses: some ten milliseconds of work. */
const SLICE_BYTES = 4 * 1024 * 1024;
/** After so many rows, and each time after so many times as many, columns that are not what they were taken for start again. */
const FIRST_ROWS = 64;
const ROWS_FACTOR = 4;
/** From this part of the file on its number of rows is foreseen. */
const FORESEEN_FROM = 1 / 16;

/**
 * Reads all records into the columns; resolves to their number. Columns that turn out to be of another kind are read again
 * from the first row at points that lie further apart each time: whatever the file holds, it is read fewer than six times.
 */
async function readRows(
  text: CsvText,
  from: number,
  columns: CsvColumns,
  pause: () => Promise<void>,
): Promise<number> {
  const { length } = text.bytes;
  const width = columns.kinds.length;
  const at: CsvPosition = { position: from, row: 0 };
  let settleAt = FIRST_ROWS;
  columns.reserve(FIRST_ROWS);
  const again = async (): Promise<void> => {
    const second: CsvPosition = { position: from, row: 0 };
    while (second.row < at.row) {
      scanRecords(text, columns, second, second.position + SLICE_BYTES, at.row);
      if (second.row < at.row) await pause();
    }
  };
  while (at.position < length) {
    const until = Math.min(length, at.position + SLICE_BYTES);
    while (at.position < until) {
      scanRecords(text, columns, at, until, Math.min(columns.capacity, settleAt));
      checkTableSize(at.row, width, text.limits);
      if (at.row === settleAt) {
        await columns.settle(again);
        settleAt *= ROWS_FACTOR;
      }
      if (at.row === columns.capacity) columns.reserve(capacityAfter(at, from, length));
    }
    if (at.position < length) await pause();
  }
  await columns.settle(again);
  return at.row;
}

/** Room for twice the rows, or for as many as the whole file will have if it goes on as it began. */
function capacityAfter({ position, row }: CsvPosition, from: number, length: number): number {
  const share = (position - from) / (length - from);
  return share < FORESEEN_FROM
    ? 2 * row
    : Math.ceil(Math.min(2 * row + 1, (row / share) * 1.02) + FIRST_ROWS);
}

/** The rows of a file, read. */
interface ReadRows {
  readonly text: CsvText;
  /** Where the first record begins. */
  readonly header: number;
  readonly rows: number;
  readonly columns: CsvColumns;
  readonly tokens: ReadonlySet<string>;
  readonly options: CsvOptions;
}

function columnOf(read: ReadRows, at: number, name: string): Column {
  const { text, rows, columns, tokens, options } = read;
  const type = givenType(options, name);
  const kind = columns.kinds[at];
  if (kind === NUMBERS) return { name, type: 'numeric', values: columns.numbers[at]!.subarray(0, rows) };
  if (kind === CODES) {
    const codes = columns.codes[at]!.subarray(0, rows);
    const coded = codedColumn(columns.dictionaries[at]!.texts, codes, name, type, tokens);
    if (coded !== undefined) return coded;
  }
  const cells = columns.texts(at, rows, (start) => endOfCell(text.bytes, start, text.delimiter));
  return withCellErrors(
    name,
    type,
    () =>
      inferColumn(name, cells, {
        missingTokens: options.missingTokens,
        ...(type === undefined ? {} : { override: type }),
      }),
    (row) => ({ line: String(lineOf(read, row)) }),
  );
}

/** Line of a row (from 1). */
function lineOf({ text, header, columns }: ReadRows, row: number): number {
  const at: CsvPosition = { position: header, row: 0 };
  // All columns are passed over: they are not read on after this.
  columns.kinds = new Uint8Array(columns.kinds.length);
  scanRecords(text, columns, at, text.bytes.length, row - 1);
  while (text.bytes[at.position] === 10 || text.bytes[at.position] === 13) at.position++;
  return lineAt(text.bytes, at.position);
}

/**
 * A column of texts by the rule of `inferColumn`, applied to its distinct texts once instead of to every cell. Undefined
 * where there are too many of them, or a cell does not fit the given type: the rule itself then says so, with the row.
 */
function codedColumn(
  texts: readonly string[],
  codes: Int32Array,
  name: string,
  type: ColumnType | undefined,
  tokens: ReadonlySet<string>,
): Column | undefined {
  const present = texts.filter((text) => !tokens.has(text) && !tokens.has(text.trim()));
  // All missing, or all numbers (which have been looked for already): the rule's business.
  if (present.length === 0) return undefined;
  let of: Column;
  try {
    of = inferColumn(name, present, { missingTokens: [], ...(type === undefined ? {} : { override: type }) });
  } catch {
    return undefined;
  }
  if (of.type === 'numeric') return undefined;
  const codeOf = new Map(present.map((text, i) => [text, of.codes[i]!]));
  const recode = Int32Array.from(texts, (text) => codeOf.get(text) ?? -1);
  for (let row = 0; row < codes.length; row++) codes[row] = recode[codes[row]!]!;
  return { ...of, codes };
}
