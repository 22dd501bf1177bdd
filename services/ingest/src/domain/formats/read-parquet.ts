import { TerminalError } from '@rookery/contracts';
import { createTable } from '@rookery/tabular';
import type { Column } from '@rookery/tabular';
import { parquetMetadataAsync, parquetRead, parquetSchema } from 'hyparquet';
import type { AsyncBuffer, FileMetaData, SchemaElement, SchemaTree } from 'hyparquet';

import { tooManyColumns } from '../csv/csv-scan.js';
import { boundedCompressors } from '../parquet/bounded-compressors.js';
import { checkPages } from '../parquet/check-pages.js';
import type { UnpackBudget } from '../parquet/check-pages.js';
import { listColumnOf } from '../parquet/list-column.js';
import type { ListColumn } from '../parquet/list-column.js';
import { endOfThrift } from '../parquet/thrift-frame.js';
import { createUnpackGuard } from '../unpack-guard.js';
import { checkColumnNames, checkNamedColumns } from './parsed-table.js';
import type { ParsedTable, ReadOptions } from './parsed-table.js';
import { plainCells, unreadable } from './plain-cells.js';
import { readLabelLists } from './read-label-lists.js';
import { checkTableSize } from './table-limits.js';
import { columnOfValues } from './value-column.js';

/** A footer has some hundred bytes for each column chunk: more than this is no data set within the limits. */
const MAX_FOOTER_BYTES = 64 * 1024 * 1024;

/**
 * Reads a Parquet file with flat columns, compressed in any of the usual ways; the column that may hold labels may be one of lists. Numbers, booleans and dates
 * (milliseconds since the epoch) become numeric or boolean, text becomes categorical, by the types that the file
 * declares. Throws RK_DATASET_MALFORMED for a damaged file, RK_DATASET_COLUMN_TYPE for a nested or binary column that
 * is not ignored, RK_DATASET_TOO_LARGE and RK_DATASET_TOO_MANY_COLUMNS from the footer, before any column is unpacked.
 */
export async function readParquet(bytes: Uint8Array, options: ReadOptions): Promise<ParsedTable> {
  const file = asyncBufferOf(bytes);
  const metadata = await metadataOf(bytes, file);
  const fields = fieldsOf(metadata);
  if (fields.length > options.maxColumns) throw tooManyColumns(options.maxColumns);
  const names = fields.map((field) => field.element.name);
  checkColumnNames(names);
  checkNamedColumns(names, options);
  const rows = rowsOf(metadata);
  if (rows === 0)
    throw new TerminalError('RK_DATASET_EMPTY', `The file has ${names.length} columns and no rows`);
  checkTableSize(rows, fields.length, options);
  checkUnpacked(metadata, bytes.length, options);

  const dropped: string[] = [];
  const columns: Column[] = [];
  const budget: UnpackBudget = { left: options.maxBytes };
  for (const field of fields) {
    const name = field.element.name;
    const lists = name === options.labelColumn?.name ? listColumnOf(field) : undefined;
    if (lists !== undefined) {
      checkColumn(bytes, metadata, { ...lists, name }, budget);
      const cells = await readLabelLists({ file, metadata, name, rows, budget }, options).catch(
        (error: unknown) => {
          throw error instanceof TerminalError ? error : unreadableColumn(name, error);
        },
      );
      columns.push(columnOfValues(name, cells, options, { declared: 'categorical' }));
      continue;
    }
    if (field.children.length > 0 || field.element.repetition_type === 'REPEATED') {
      if (!options.ignore.has(name)) throw unreadable(name, 'nested');
      dropped.push(name);
      continue;
    }
    checkColumn(bytes, metadata, { name, item: field.element }, budget);
    const values = await readColumn(file, metadata, name, rows);
    const cells = plainCells(name, values, options);
    if (cells === undefined) dropped.push(name);
    else columns.push(columnOfValues(name, cells, options, { declared: 'categorical' }));
    if (rows * columns.length > 100_000) await options.pause();
  }
  return { table: createTable(columns), dropped };
}

/** The columns of the file; RK_DATASET_MALFORMED for a schema that is no tree. */
function fieldsOf(metadata: FileMetaData): SchemaTree[] {
  const { schema } = metadata;
  const children = schema.reduce((sum, element) => sum + (element.num_children ?? 0), 0);
  if (
    schema.some(({ num_children: own = 0 }) => own < 0 || own > schema.length) ||
    children !== schema.length - 1
  )
    throw malformed('its schema is no tree');
  // A damaged element may lack its name; that of the root is not used.
  if (schema.slice(1).some(({ name }) => typeof (name as unknown) !== 'string'))
    throw malformed('a column has no name');
  try {
    return parquetSchema(metadata).children;
  } catch (error) {
    throw malformed(messageOf(error), error);
  }
}

/** The number of rows, which those of the row groups must sum up to. */
function rowsOf(metadata: FileMetaData): number {
  const groups = metadata.row_groups.map((group) => Number(group.num_rows));
  const rows = Number(metadata.num_rows);
  const sum = groups.reduce((total, count) => total + count, 0);
  if (groups.some((count) => !(count >= 0)) || sum !== rows)
    throw malformed(`its row groups have ${sum} rows, and its footer says ${rows}`);
  return rows;
}

/** Holds what the pages of a column claim against the file, before any of it is decoded. */
function checkColumn(
  bytes: Uint8Array,
  metadata: FileMetaData,
  {
    name,
    item,
    path: wanted,
    levels,
  }: Partial<ListColumn> & { readonly name: string; readonly item: SchemaElement },
  budget: UnpackBudget,
): void {
  for (const group of metadata.row_groups) {
    const rows = Number(group.num_rows);
    let chunks = 0;
    for (const { meta_data: meta } of group.columns) {
      // A damaged footer may lack what its type has.
      const path = meta?.path_in_schema as readonly string[] | undefined;
      if (meta === undefined || path?.[0] !== name) continue;
      try {
        chunks++;
        if (levels === undefined)
          checkPages(bytes, { meta, element: item, rows }, boundedCompressors, budget);
        else if (chunks > 1 || path.join('.') !== wanted?.join('.'))
          throw new Error('a row group has other chunks of it than its lists');
        // What an empty group has in its pages is not read.
        else if (rows > 0)
          checkPages(bytes, { meta, element: item, rows, list: levels }, boundedCompressors, budget);
      } catch (error) {
        throw unreadableColumn(name, error);
      }
    }
    if (levels !== undefined && rows > 0 && chunks === 0)
      throw unreadableColumn(name, new Error('a row group lacks it'));
  }
}

async function readColumn(
  file: AsyncBuffer,
  metadata: FileMetaData,
  name: string,
  rows: number,
): Promise<ArrayLike<unknown>> {
  const values = new Array<unknown>(rows).fill(null);
  let read = 0;
  try {
    await parquetRead({
      file,
      metadata,
      columns: [name],
      compressors: boundedCompressors,
      onChunk: (chunk) => {
        read += chunk.columnData.length;
        for (let i = 0; i < chunk.columnData.length; i++) values[chunk.rowStart + i] = chunk.columnData[i];
      },
    });
    // What a file does not have is not the same as a cell that it says to be missing.
    if (read !== rows) throw new Error(`it has ${read} cells for ${rows} rows`);
  } catch (error) {
    throw unreadableColumn(name, error);
  }
  return values;
}

function unreadableColumn(name: string, error: unknown): TerminalError {
  return malformed(`column ${JSON.stringify(name)} can not be read: ${messageOf(error)}`, error);
}

async function metadataOf(bytes: Uint8Array, file: AsyncBuffer): Promise<FileMetaData> {
  const tail = Buffer.from(
    bytes.buffer,
    bytes.byteOffset + Math.max(0, bytes.length - 8),
    Math.min(8, bytes.length),
  );
  if (bytes.length === 0) throw new TerminalError('RK_DATASET_EMPTY', 'The file is empty: it has 0 bytes');
  if (bytes.length < 12 || tail.toString('latin1', 4) !== 'PAR1')
    throw malformed('it does not end with PAR1');
  const footer = tail.readUInt32LE(0);
  if (footer > bytes.length - 12) throw malformed('its footer is longer than the file');
  if (footer > MAX_FOOTER_BYTES) {
    throw new TerminalError(
      'RK_DATASET_TOO_MANY_COLUMNS',
      `The footer has ${footer} bytes: too many columns or row groups`,
    );
  }
  try {
    const end = bytes.length - 8;
    endOfThrift(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), end - footer, end);
    return await parquetMetadataAsync(file, { geoparquet: false });
  } catch (error) {
    throw malformed(messageOf(error), error);
  }
}

/** A small file can stand for endless rows, so its own figures are held against the limits before it is unpacked. */
function checkUnpacked(metadata: FileMetaData, packed: number, options: ReadOptions): void {
  let unpacked = 0;
  for (const group of metadata.row_groups) {
    for (const chunk of group.columns) unpacked += Number(chunk.meta_data?.total_uncompressed_size ?? 0);
  }
  if (unpacked > options.maxBytes) {
    throw new TerminalError(
      'RK_DATASET_TOO_LARGE',
      `The file unpacks to ${unpacked} bytes; the limit is ${options.maxBytes}`,
      {
        details: {
          bytes: String(unpacked),
          limit: String(options.maxBytes),
          variable: 'ROOKERY_MAX_DATASET_BYTES',
        },
        hint: 'Raise ROOKERY_MAX_DATASET_BYTES, or publish less.',
      },
    );
  }
  const guard = createUnpackGuard(options.maxUnpackRatio);
  guard.packed(packed);
  guard.unpacked(unpacked);
}

function asyncBufferOf(bytes: Uint8Array): AsyncBuffer {
  return {
    byteLength: bytes.length,
    slice: (start, end) =>
      bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + (end ?? bytes.length)) as ArrayBuffer,
  };
}

function malformed(what: string, cause?: unknown): TerminalError {
  return new TerminalError('RK_DATASET_MALFORMED', `The file is no readable Parquet file: ${what}`, {
    details: { format: 'parquet' },
    ...(cause === undefined ? {} : { cause }),
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message.slice(0, 200) : String(error);
}
