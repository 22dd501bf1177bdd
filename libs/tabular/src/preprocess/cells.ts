import { columnLength } from '../table/table.js';
import type { Column, NumericColumn, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';

/** A number in a fitted transformer; NaN, which JSON lacks, is written as null. */
export type JsonNumber = number | null;

/** A category: a string, a number (of numeric columns), or null for the missing one. */
export type Category = string | number | null;

/** For JSON: NaN as null. */
export function toJsonNumber(value: number): JsonNumber {
  return Number.isNaN(value) ? null : value;
}

/** From JSON: null as NaN. */
export function fromJsonNumber(value: JsonNumber): number {
  return value ?? NaN;
}

/**
 * The column as numbers: NaN where missing, 0 and 1 of boolean ones. Throws RK_TABULAR_COLUMN_TYPE for other
 * columns and RK_TABULAR_CELL_INVALID for ±Infinity, which scikit-learn refuses too.
 */
export function numericCells(column: Column): Float64Array {
  if (column.type === 'numeric') {
    const { values } = column;
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!;
      if (value === Infinity || value === -Infinity) {
        throw new TabularError(
          'RK_TABULAR_CELL_INVALID',
          `Column "${column.name}", row ${row}: ${value} is no finite number; replace it by a missing cell or a bound.`,
          { column: column.name, row: String(row), value: String(value) },
        );
      }
    }
    return values;
  }
  if (column.type === 'boolean') {
    const { codes } = column;
    const out = new Float64Array(codes.length);
    for (let row = 0; row < codes.length; row++) out[row] = codes[row]! < 0 ? NaN : codes[row]!;
    return out;
  }
  throw new TabularError(
    'RK_TABULAR_COLUMN_TYPE',
    `Column "${column.name}" is ${column.type}, and this transformer takes numbers; encode it first or leave it out.`,
    { column: column.name },
  );
}

/** The column as categories: numbers of numeric columns, else strings; null where missing. */
export function categoryCells(column: Column): Category[] {
  if (column.type === 'numeric') return Array.from(column.values, toJsonNumber);
  return Array.from(column.codes, (code) => (code < 0 ? null : column.categories[code]!));
}

/** A numeric column. */
export function numericColumn(name: string, values: Float64Array): NumericColumn {
  return { name, type: 'numeric', values };
}

/**
 * A column of categories: numeric where all of them are numbers or missing, categorical else (numbers as
 * Python writes them).
 */
export function columnOfCategories(name: string, cells: readonly Category[]): Column {
  if (cells.every((cell) => typeof cell !== 'string')) {
    return numericColumn(name, Float64Array.from(cells, fromJsonNumber));
  }
  const categories: string[] = [];
  const positions = new Map<string, number>();
  const codes = Int32Array.from(cells, (cell) => {
    if (cell === null) return -1;
    const text = categoryText(cell);
    let code = positions.get(text);
    if (code === undefined) positions.set(text, (code = categories.push(text) - 1));
    return code;
  });
  return { name, type: 'categorical', codes, categories };
}

/**
 * The category as it stands in feature names: Python's `str`, so 1 is `1.0`, 1e-5 `1e-05` and missing `nan`.
 */
export function categoryText(category: Category): string {
  if (category === null) return 'nan';
  if (typeof category === 'string') return category;
  if (Number.isNaN(category)) return 'nan';
  if (Object.is(category, -0)) return '-0.0';
  const size = Math.abs(category);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) {
    const [digits, exponent] = category.toExponential().split('e') as [string, string];
    const sign = exponent.startsWith('-') ? '-' : '+';
    return `${digits}e${sign}${exponent.slice(1).padStart(2, '0')}`;
  }
  return Number.isInteger(category) ? `${category}.0` : String(category);
}

/** A table without the checks of createTable: intermediate results may repeat names, as scikit-learn's do. */
export function tableOf(rows: number, columns: readonly Column[]): Table {
  return { rows, columns };
}

/**
 * A table's numeric columns as one matrix, row by row; throws as numericCells for a column that is not
 * numeric.
 */
export function tableToMatrix(table: Table): { data: Float64Array; rows: number; width: number } {
  const width = table.columns.length;
  const data = new Float64Array(table.rows * width);
  table.columns.forEach((column, j) => {
    const values = numericCells(column);
    for (let i = 0; i < table.rows; i++) data[i * width + j] = values[i]!;
  });
  return { data, rows: table.rows, width };
}

/** Throws RK_TABULAR_ARGUMENT_INVALID where the table has no rows: nothing can be fitted. */
export function requireRows(table: Table, what: string): void {
  if (table.rows === 0 || table.columns.some((column) => columnLength(column) !== table.rows)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${what} needs at least one row and columns of one length; the table has ${table.rows} rows.`,
    );
  }
}
