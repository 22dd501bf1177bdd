import { TabularError } from '../tabular-error.js';

/** Types of a column. `text` is carried along, but is no feature and has no drift test. */
export type ColumnType = 'numeric' | 'categorical' | 'boolean' | 'text';

/** Types whose cells are codes into a list of strings. */
export type CodedColumnType = 'categorical' | 'boolean' | 'text';

/** Numbers; NaN is a missing cell. */
export interface NumericColumn {
  readonly name: string;
  readonly type: 'numeric';
  readonly values: Float64Array;
}

/** Codes into `categories`; −1 is a missing cell. A boolean column has the categories 'false' and 'true'. */
export interface CodedColumn {
  readonly name: string;
  readonly type: CodedColumnType;
  readonly codes: Int32Array;
  readonly categories: readonly string[];
}

export type Column = NumericColumn | CodedColumn;

/** Columns of equal length. Treated as immutable everywhere. */
export interface Table {
  readonly rows: number;
  readonly columns: readonly Column[];
}

/** One cell: a number, a string (category or text), a boolean, or null where it is missing. */
export type CellValue = number | string | boolean | null;

/** Name, type and categories of a column, with its number of missing cells. */
export interface ColumnSchema {
  readonly name: string;
  readonly type: ColumnType;
  readonly categories: readonly string[];
  readonly missing: number;
}

/** Row numbers of a table. */
export type RowIndices = Uint32Array | Int32Array | readonly number[];

/** A table of the columns; throws where lengths differ or a name occurs twice. */
export function createTable(columns: readonly Column[]): Table {
  const rows = columns.length === 0 ? 0 : columnLength(columns[0]!);
  const names = new Set<string>();
  for (const column of columns) {
    if (columnLength(column) !== rows) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `Column "${column.name}" has ${columnLength(column)} rows where "${columns[0]!.name}" has ${rows}; all columns need one length.`,
        { column: column.name },
      );
    }
    if (names.has(column.name)) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `Two columns are named "${column.name}"; rename one of them.`,
        { column: column.name },
      );
    }
    names.add(column.name);
  }
  return { rows, columns };
}

/** Number of cells of a column. */
export function columnLength(column: Column): number {
  return column.type === 'numeric' ? column.values.length : column.codes.length;
}

/** The column of that name, or undefined. */
export function findColumn(table: Table, name: string): Column | undefined {
  return table.columns.find((column) => column.name === name);
}

/** The column of that name; throws RK_TABULAR_COLUMN_MISSING listing the names that exist. */
export function columnByName(table: Table, name: string): Column {
  const column = findColumn(table, name);
  if (column === undefined) {
    const known = table.columns.map((c) => c.name).join(', ');
    throw new TabularError(
      'RK_TABULAR_COLUMN_MISSING',
      `There is no column "${name}"; the columns are: ${known}.`,
      {
        column: name,
      },
    );
  }
  return column;
}

/** Position of the row in the column, or the row itself; throws where it is not in the table. */
function checkedRow(row: number, length: number, name: string): number {
  if (!Number.isInteger(row) || row < 0 || row >= length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Row ${row} is not in column "${name}" of ${length} rows.`,
      {
        column: name,
        row: String(row),
      },
    );
  }
  return row;
}

/** The column with only these rows, in this order (rows may repeat); categories stay as they are. */
export function selectColumnRows(column: Column, rows: RowIndices): Column {
  const length = columnLength(column);
  if (column.type === 'numeric') {
    const values = new Float64Array(rows.length);
    for (let i = 0; i < rows.length; i++)
      values[i] = column.values[checkedRow(rows[i]!, length, column.name)]!;
    return { name: column.name, type: 'numeric', values };
  }
  const codes = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) codes[i] = column.codes[checkedRow(rows[i]!, length, column.name)]!;
  return { name: column.name, type: column.type, codes, categories: column.categories };
}

/** A table of only these rows, in this order. */
export function selectRows(table: Table, rows: RowIndices): Table {
  return { rows: rows.length, columns: table.columns.map((column) => selectColumnRows(column, rows)) };
}

/** A table of only these columns, in this order. */
export function selectColumns(table: Table, names: readonly string[]): Table {
  return { rows: table.rows, columns: names.map((name) => columnByName(table, name)) };
}

/** 0, 1, … rows − 1. */
export function allRows(rows: number): Uint32Array {
  const indices = new Uint32Array(rows);
  for (let i = 0; i < rows; i++) indices[i] = i;
  return indices;
}

/** One cell: numbers of numeric columns, booleans of boolean ones, strings else; null where missing. */
export function cellAt(column: Column, row: number): CellValue {
  if (column.type === 'numeric') {
    const value = column.values[row];
    return value === undefined || Number.isNaN(value) ? null : value;
  }
  const category = column.categories[column.codes[row] ?? -1];
  if (category === undefined) return null;
  return column.type === 'boolean' ? category === 'true' : category;
}

/** One row as a plain object, missing cells as null. */
export function rowAt(table: Table, row: number): Record<string, CellValue> {
  const out: Record<string, CellValue> = {};
  for (const column of table.columns) out[column.name] = cellAt(column, row);
  return out;
}

/** Number of missing cells. */
export function missingCount(column: Column): number {
  let missing = 0;
  if (column.type === 'numeric') {
    const { values } = column;
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) missing++;
  } else {
    const { codes } = column;
    for (let i = 0; i < codes.length; i++) if (codes[i]! < 0) missing++;
  }
  return missing;
}

/** Rows whose cell of this column is present, ascending. */
export function presentRows(column: Column): Uint32Array {
  const length = columnLength(column);
  const rows = new Uint32Array(length - missingCount(column));
  let next = 0;
  for (let i = 0; i < length; i++) {
    const present = column.type === 'numeric' ? !Number.isNaN(column.values[i]!) : column.codes[i]! >= 0;
    if (present) rows[next++] = i;
  }
  return rows;
}

/** Schema of each column. */
export function schemaOf(table: Table): ColumnSchema[] {
  return table.columns.map((column) => ({
    name: column.name,
    type: column.type,
    categories: column.type === 'categorical' || column.type === 'boolean' ? column.categories : [],
    missing: missingCount(column),
  }));
}

/**
 * Rows of both tables under each other. Columns are matched by name in the order of the first table, and
 * must have the same names and types; categories of the second that the first lacks are appended.
 */
export function concatTables(first: Table, second: Table): Table {
  if (first.columns.length !== second.columns.length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Tables of ${first.columns.length} and ${second.columns.length} columns cannot be joined; give both the same columns.`,
    );
  }
  return {
    rows: first.rows + second.rows,
    columns: first.columns.map((a) => concatColumns(a, columnByName(second, a.name))),
  };
}

function concatColumns(a: Column, b: Column): Column {
  if (a.type === 'numeric' && b.type === 'numeric') {
    const values = new Float64Array(a.values.length + b.values.length);
    values.set(a.values, 0);
    values.set(b.values, a.values.length);
    return { name: a.name, type: 'numeric', values };
  }
  if (a.type === 'numeric' || b.type === 'numeric' || a.type !== b.type) {
    throw new TabularError(
      'RK_TABULAR_COLUMN_TYPE',
      `Column "${a.name}" is ${a.type} in one table and ${b.type} in the other.`,
      {
        column: a.name,
      },
    );
  }
  const categories = [...a.categories];
  const position = new Map(categories.map((category, i) => [category, i]));
  const recode = b.categories.map((category) => {
    let code = position.get(category);
    if (code === undefined) {
      code = categories.push(category) - 1;
      position.set(category, code);
    }
    return code;
  });
  const codes = new Int32Array(a.codes.length + b.codes.length);
  codes.set(a.codes, 0);
  for (let i = 0; i < b.codes.length; i++) {
    const code = b.codes[i]!;
    codes[a.codes.length + i] = code < 0 ? -1 : recode[code]!;
  }
  return { name: a.name, type: a.type, codes, categories };
}
