import { TerminalError } from '@rookery/contracts';

import type { ReadOptions } from './parsed-table.js';
import { cellTooLong } from './table-limits.js';
import type { TableLimits } from './table-limits.js';
import type { CellOfFile } from './value-column.js';

/**
 * Cells of a typed file (Parquet, Arrow) as text, number, boolean or null. Dates become milliseconds since the
 * epoch; integers of 64 bits become numbers where every one of them is exact, and text (so that ids stay ids)
 * where one is not. Undefined for a column that holds anything else and is ignored; RK_DATASET_COLUMN_TYPE where it
 * is not ignored.
 */
export function plainCells(
  name: string,
  values: ArrayLike<unknown>,
  options: Pick<ReadOptions, 'ignore' | keyof TableLimits>,
): CellOfFile[] | undefined {
  const cells = new Array<CellOfFile>(values.length);
  let inexact = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) cells[i] = null;
    else if (typeof value === 'string' && value.length > options.maxCellBytes)
      throw cellTooLong(value.length, options, { column: name.slice(0, 80), row: String(i + 1) });
    else if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      cells[i] = value;
    else if (typeof value === 'bigint') {
      cells[i] = Number(value);
      inexact ||= !Number.isSafeInteger(cells[i]);
    } else if (value instanceof Date) cells[i] = value.getTime();
    else {
      if (options.ignore.has(name)) return undefined;
      throw unreadable(name, value instanceof Uint8Array ? 'binary' : 'nested');
    }
  }
  if (!inexact) return cells;
  return Array.from(values, (value) =>
    value === null || value === undefined ? null : String(value as bigint),
  );
}

/** RK_DATASET_COLUMN_TYPE for a column that is neither number, text, boolean nor date. */
export function unreadable(column: string, kind: string): TerminalError {
  return new TerminalError(
    'RK_DATASET_COLUMN_TYPE',
    `Column ${JSON.stringify(column)} is ${kind}: it can not be used`,
    {
      details: { column, type: kind },
      hint: 'List the column under ignore, or publish the file without it.',
    },
  );
}
