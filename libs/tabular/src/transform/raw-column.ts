import { parseDecimal } from '../table/infer-column.js';
import { cellAt, columnByName, createTable } from '../table/table.js';
import type { CellValue, Column, RowIndices, Table } from '../table/table.js';

/** Cells of one column as code of a user gets them: null (NaN among numbers) where there is none. */
export type RawColumn =
  | { readonly name: string; readonly type: 'numeric'; readonly values: Float64Array }
  | { readonly name: string; readonly type: 'categorical'; readonly values: readonly (string | null)[] }
  | { readonly name: string; readonly type: 'boolean'; readonly values: readonly (boolean | null)[] };

/** Numbers that are to be another column of a table. */
export interface MadeColumn {
  readonly name: string;
  /** One for each of some rows, NaN where it is missing. */
  readonly values: Float64Array;
}

/**
 * A column of single cells, as rows of a request have them. Decimal text among numbers is its number, as it is for every other step; a
 * cell that is not of the type is missing.
 */
export function rawColumnOf(name: string, type: RawColumn['type'], cells: readonly CellValue[]): RawColumn {
  if (type === 'numeric') {
    const values = Float64Array.from(cells, (cell) => {
      const value = typeof cell === 'string' ? parseDecimal(cell) : cell;
      return typeof value === 'number' && Number.isFinite(value) ? value : NaN;
    });
    return { name, type, values };
  }
  if (type === 'boolean') {
    const flags = new Map<CellValue, boolean>([
      [true, true],
      ['true', true],
      [false, false],
      ['false', false],
    ]);
    return { name, type, values: cells.map((cell) => flags.get(cell) ?? null) };
  }
  return { name, type, values: cells.map((cell) => (cell === null ? null : String(cell))) };
}

/** These columns in these rows, in their order; what is not finite is missing. Throws where a column is not there. */
export function rawColumnsOf(table: Table, names: readonly string[], rows: RowIndices): RawColumn[] {
  return names.map((name) => rawColumn(columnByName(table, name), rows));
}

function rawColumn(column: Column, rows: RowIndices): RawColumn {
  const { name, type } = column;
  if (type === 'numeric') {
    const values = Float64Array.from(rows, (row) => column.values[row]!);
    return { name, type, values: values.map((value) => (Number.isFinite(value) ? value : NaN)) };
  }
  const cells = Array.from(rows, (row) => cellAt(column, row));
  if (type === 'boolean') return { name, type, values: cells as (boolean | null)[] };
  return { name, type: 'categorical', values: cells as (string | null)[] };
}

/** The table with more columns, whose values are those of these rows; in other rows they are missing. */
export function withMadeColumns(table: Table, made: readonly MadeColumn[], rows: RowIndices): Table {
  if (made.length === 0) return table;
  const added = made.map(({ name, values }): Column => {
    const all = new Float64Array(table.rows).fill(NaN);
    for (let i = 0; i < rows.length; i++) all[rows[i]!] = values[i]!;
    return { name, type: 'numeric', values: all };
  });
  return createTable([...table.columns, ...added]);
}
