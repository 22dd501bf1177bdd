import { TerminalError } from '@rookery/contracts';
import { checkedArrow, createTable } from '@rookery/tabular';
import type { Column, ColumnType } from '@rookery/tabular';
import { DataType, tableFromIPC } from 'apache-arrow';
import type { Field, Table as ArrowTable, Vector } from 'apache-arrow';

import { tooManyColumns } from '../csv/csv-scan.js';
import { checkColumnNames, checkNamedColumns, labelListText } from './parsed-table.js';
import type { ParsedTable, ReadOptions } from './parsed-table.js';
import { plainCells, unreadable } from './plain-cells.js';
import { cellTooLong, checkTableSize } from './table-limits.js';
import { columnOfValues } from './value-column.js';
import type { CellOfFile } from './value-column.js';

/**
 * Reads an Arrow IPC file or stream (Feather 2 too) that is not compressed. Types as in Parquet: what the file
 * declares counts. Throws RK_DATASET_MALFORMED for a damaged or compressed file, RK_DATASET_COLUMN_TYPE for a nested or
 * binary column that is not ignored (lists of labels may be the target), RK_DATASET_TOO_MANY_COLUMNS, RK_DATASET_TOO_LARGE.
 */
export async function readArrow(bytes: Uint8Array, options: ReadOptions): Promise<ParsedTable> {
  if (bytes.length === 0) throw new TerminalError('RK_DATASET_EMPTY', 'The file is empty: it has 0 bytes');
  const arrow = tableOf(bytes);
  const fields = arrow.schema.fields;
  if (fields.length > options.maxColumns) throw tooManyColumns(options.maxColumns);
  const names = fields.map((field) => field.name);
  checkColumnNames(names);
  checkNamedColumns(names, options);
  checkTableSize(arrow.numRows, fields.length, options);
  if (arrow.numRows === 0)
    throw new TerminalError('RK_DATASET_EMPTY', `The file has ${names.length} columns and no rows`);

  const dropped: string[] = [];
  const columns: Column[] = [];
  for (const [at, field] of fields.entries()) {
    const declared = field.type as DataType;
    const type = DataType.isDictionary(declared) ? (declared.dictionary as DataType) : declared;
    const cells = readable(type)
      ? plainCells(field.name, valuesOf(arrow.getChildAt(at), type), options)
      : labelCells(field.name, arrow.getChildAt(at), type, options);
    if (cells === undefined) {
      if (!options.ignore.has(field.name))
        throw unreadable(field.name, `of type ${(type as { toString(): string }).toString()}`);
      dropped.push(field.name);
    } else {
      columns.push(columnOfValues(field.name, cells, options, { declared: declaredType(field) }));
    }
    if (arrow.numRows * columns.length > 100_000) await options.pause();
  }
  return { table: createTable(columns), dropped };
}

/** Cells of a column of lists of labels; undefined where the column may hold none, or holds something else. */
function labelCells(
  name: string,
  vector: Vector | null,
  type: DataType,
  options: ReadOptions,
): CellOfFile[] | undefined {
  if (name !== options.labelColumn?.name || !DataType.isList(type)) return undefined;
  const cells: CellOfFile[] = [];
  for (let row = 0; row < (vector?.length ?? 0); row++) {
    const list = vector?.get(row) as Iterable<unknown> | null;
    const text = list === null ? null : labelListText(list);
    if (text === undefined) return undefined;
    if (text !== null && text.length > options.maxCellBytes)
      throw cellTooLong(text.length, options, { column: name.slice(0, 80), row: String(row + 1) });
    cells.push(text);
  }
  return cells;
}

function tableOf(bytes: Uint8Array): ArrowTable {
  try {
    return tableFromIPC(checkedArrow(bytes));
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 200) : String(error);
    throw new TerminalError('RK_DATASET_MALFORMED', `The file is no readable Arrow file: ${message}`, {
      details: { format: 'arrow' },
      hint: 'Write it as an Arrow IPC file or stream without compression.',
      cause: error,
    });
  }
}

/** The type that a data set written by Rookery itself records; text of other files is categorical. */
function declaredType(field: Field): ColumnType {
  return columnTypes.find((name) => name === field.metadata.get('rookery.type')) ?? 'categorical';
}

const columnTypes: readonly ColumnType[] = ['numeric', 'categorical', 'boolean', 'text'];

function isText(type: DataType): boolean {
  return DataType.isUtf8(type) || DataType.isLargeUtf8(type);
}

function readable(type: DataType): boolean {
  return (
    isText(type) ||
    DataType.isInt(type) ||
    DataType.isFloat(type) ||
    DataType.isBool(type) ||
    DataType.isDate(type) ||
    DataType.isTimestamp(type) ||
    DataType.isNull(type)
  );
}

function valuesOf(vector: Vector | null, type: DataType): unknown[] {
  const length = vector?.length ?? 0;
  const values = new Array<unknown>(length);
  // apache-arrow gives dates and timestamps as milliseconds since the epoch.
  for (let i = 0; i < length; i++) values[i] = DataType.isNull(type) ? null : vector?.get(i);
  return values;
}
