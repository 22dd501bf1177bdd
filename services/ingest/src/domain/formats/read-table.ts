import { readCsv } from '../csv/read-csv.js';
import { isTabSeparated } from './dataset-format.js';
import type { DatasetFormat } from './dataset-format.js';
import type { ParsedTable, ReadOptions } from './parsed-table.js';
import { readArrow } from './read-arrow.js';
import { readJsonLines } from './read-json-lines.js';
import { readParquet } from './read-parquet.js';

/** Reads a file of the format into a typed table; see the reader of each format for the rules and errors. */
export function readTable(
  bytes: Uint8Array,
  format: DatasetFormat,
  uri: string,
  options: ReadOptions,
): Promise<ParsedTable> {
  switch (format) {
    case 'csv':
      return readCsv(bytes, { ...options, tabs: isTabSeparated(uri) });
    case 'jsonl':
      return readJsonLines(bytes, options);
    case 'parquet':
      return readParquet(bytes, options);
    case 'arrow':
      return readArrow(bytes, options);
  }
}
