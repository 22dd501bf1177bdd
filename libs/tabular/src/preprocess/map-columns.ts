import { columnByName } from '../table/table.js';
import type { Table } from '../table/table.js';
import { numericCells, numericColumn, tableOf } from './cells.js';

/** Names of the columns, in order. */
export function columnNames(table: Table): string[] {
  return table.columns.map((column) => column.name);
}

/** The columns of these names, each cell mapped; throws where one is missing from the table or not numeric. */
export function mapNumeric(
  names: readonly string[],
  table: Table,
  map: (value: number, column: number) => number,
): Table {
  const columns = names.map((name, j) => {
    const values = numericCells(columnByName(table, name));
    return numericColumn(
      name,
      values.map((value) => map(value, j)),
    );
  });
  return tableOf(table.rows, columns);
}
