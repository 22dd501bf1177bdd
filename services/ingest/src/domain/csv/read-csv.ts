import { TerminalError } from '@rookery/contracts';
import { createTable, inferColumn } from '@rookery/tabular';
import type { Column } from '@rookery/tabular';

import { checkColumnNames, checkNamedColumns, givenType, withCellErrors } from '../formats/parsed-table.js';
import type { ParsedTable, ReadOptions } from '../formats/parsed-table.js';
import { checkText, lineAt } from '../formats/text-bytes.js';
import { cellText, columnNumbers, columnTexts } from './csv-column.js';
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
  const columns: Column[] = [];
  for (const [at, name] of names.entries()) {
    if (at > 0 && index.records * at > 100_000) await options.pause();
    columns.push(columnOf(index, at, name, tokens, options));
  }
  return { table: createTable(columns), dropped: [] };
}

function columnOf(
  index: CsvIndex,
  at: number,
  name: string,
  tokens: ReadonlySet<string>,
  options: CsvOptions,
): Column {
  const type = givenType(options, name);
  if (type === undefined || type === 'numeric') {
    const values = columnNumbers(index, at, tokens);
    if (values !== undefined) return { name, type: 'numeric', values };
  }
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
