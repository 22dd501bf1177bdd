import { columnLength } from '../table/table.js';
import type { Column, RowIndices } from '../table/table.js';
import { TabularError } from '../tabular-error.js';

/** Row `i` of the rows asked for (default: all); throws where it is not in the column. */
export function rowOf(rows: RowIndices | undefined, i: number, column: Column): number {
  if (rows === undefined) return i;
  const row = rows[i]!;
  if (row >= 0 && row < columnLength(column)) return row;
  throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `Row ${row} is not in column "${column.name}".`, {
    column: column.name,
    row: String(row),
  });
}

/** RK_TABULAR_COLUMN_TYPE for a column that is not as it was fitted. */
export function wrongType(column: Column, wanted: string): TabularError {
  return new TabularError(
    'RK_TABULAR_COLUMN_TYPE',
    `Column "${column.name}" is ${column.type}, but the transformer was fitted on a ${wanted} one.`,
    { column: column.name, type: column.type, wanted },
  );
}
