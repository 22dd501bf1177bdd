import { TerminalError } from '@rookery/contracts';
import { createTable, inferColumn } from '@rookery/tabular';
import type { Column, ColumnType } from '@rookery/tabular';

import { checkColumnNames, checkNamedColumns, givenType, withCellErrors } from '../formats/parsed-table.js';
import type { ParsedTable, ReadOptions } from '../formats/parsed-table.js';
import { checkText, lineAt } from '../formats/text-bytes.js';
import { cellText, codeReader, columnTexts, numberReader } from './csv-column.js';
import type { ColumnReader, TextCodes } from './csv-column.js';
import { indexCsv } from './csv-index.js';
import type { CsvIndex } from './csv-index.js';
import { detectDelimiter } from './delimiter.js';

/** What is particular to CSV. */
export interface CsvOptions extends ReadOptions {
  /** One ASCII character; default: by the header. */
  readonly delimiter?: string;
  /** The file's ending says that cells are separated by tabs. */
  readonly tabs?: boolean;
}

/**
 * Reads a CSV file: RFC 4180 with a header, UTF-8, with or without byte order mark, any line ends. Types of the
 * columns are inferred by the rule of `inferColumn` unless given. Memory: the file, 4 bytes a cell, and the columns.
 * Throws RookeryErrors that name line, column and cell.
 */
export async function readCsv(bytes: Uint8Array, options: CsvOptions): Promise<ParsedTable> {
  const from = checkText(bytes);
  const delimiter = options.delimiter?.charCodeAt(0) ?? detectDelimiter(bytes, from, options.tabs);
  const index = await indexCsv(bytes, {
    from,
    delimiter,
    limits: options,
    pause: options.pause,
  });
  const names = Array.from({ length: index.columns }, (_, column) => cellText(index, 0, column));
  checkColumnNames(names);
  checkNamedColumns(names, options);
  if (index.records === 1) {
    throw new TerminalError(
      'RK_DATASET_EMPTY',
      `The file has a header of ${names.length} columns and no rows`,
      {
        details: { columns: String(names.length) },
      },
    );
  }
  const tokens = new Set(options.missingTokens);
  const columns = names.map((name, at) => startColumn(index, at, tokens, givenType(options, name)));
  const rows = index.records - 1;
  // Some rows of all columns at a time: their bytes are in the processor's cache then, and not fetched once a column.
  for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
    for (const column of columns) column.read(Math.min(rows, from + ROWS_AT_ONCE));
    if (from > 0 && (from / ROWS_AT_ONCE) % BLOCKS_BETWEEN_PAUSES === 0) await options.pause();
  }
  const table: Column[] = [];
  for (const [at, name] of names.entries()) {
    if (at > 0 && index.records * at > 1_000_000) await options.pause();
    table.push(columnOf(index, at, name, columns[at]!, tokens, options));
  }
  return { table: createTable(table), dropped: [] };
}

const ROWS_AT_ONCE = 2048;
const BLOCKS_BETWEEN_PAUSES = 16;

/** A column under way: read as numbers, else as codes of texts, and left to the rule of `inferColumn` where it is neither. */
interface ColumnUnderWay {
  /** Reads on to this row. */
  read(to: number): void;
  numbers: ColumnReader<Float64Array> | undefined;
  codes: ColumnReader<TextCodes> | undefined;
}

function startColumn(
  index: CsvIndex,
  at: number,
  tokens: ReadonlySet<string>,
  type: ColumnType | undefined,
): ColumnUnderWay {
  let done = 0;
  const startCodes = (): ColumnReader<TextCodes> | undefined =>
    type === 'numeric' ? undefined : codeReader(index, at);
  const numeric = type === undefined || type === 'numeric';
  const column: ColumnUnderWay = {
    numbers: numeric ? numberReader(index, at, tokens) : undefined,
    codes: numeric ? undefined : startCodes(),
    read(to) {
      if (column.numbers !== undefined && !column.numbers.read(done, to)) {
        column.numbers = undefined;
        column.codes = startCodes();
        done = 0;
      }
      if (column.codes !== undefined && !column.codes.read(done, to)) column.codes = undefined;
      done = to;
    },
  };
  return column;
}

function columnOf(
  index: CsvIndex,
  at: number,
  name: string,
  { numbers, codes }: ColumnUnderWay,
  tokens: ReadonlySet<string>,
  options: CsvOptions,
): Column {
  const type = givenType(options, name);
  if (numbers !== undefined) return { name, type: 'numeric', values: numbers.result };
  const coded = codes === undefined ? undefined : codedColumn(codes.result, name, type, tokens);
  if (coded !== undefined) return coded;
  return withCellErrors(
    name,
    type,
    () =>
      inferColumn(name, columnTexts(index, at), {
        missingTokens: options.missingTokens,
        ...(type === undefined ? {} : { override: type }),
      }),
    (row) => ({ line: String(lineAt(index.bytes, index.starts[row * index.stride]!)) }),
  );
}

/**
 * A column of texts by the rule of `inferColumn`, applied to its distinct texts once instead of to every cell. Undefined
 * where there are too many of them, or a cell does not fit the given type: the rule itself then says so, with the row.
 */
function codedColumn(
  { texts, codes }: TextCodes,
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
