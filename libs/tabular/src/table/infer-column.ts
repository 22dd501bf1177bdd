import { TabularError } from '../tabular-error.js';
import { compareCategories } from './category-order.js';
import { createTable } from './table.js';
import type { CellValue, CodedColumnType, Column, ColumnType, Table } from './table.js';

/** Cells that mean "no value", compared after trimming white space. */
export const DEFAULT_MISSING_TOKENS: readonly string[] = [
  '',
  '.',
  '?',
  '-',
  'NA',
  'N/A',
  'n/a',
  '#N/A',
  'NaN',
  'nan',
  'NAN',
  'null',
  'NULL',
  'Null',
  'None',
  'none',
  'NONE',
  '<NA>',
];

/** A finite decimal number: no hexadecimal, no Infinity, no digit separators. */
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

export interface InferOptions {
  /** Replaces the default missing tokens. */
  readonly missingTokens?: readonly string[];
  /** Number of the first cell's row in error messages. Default 1. */
  readonly firstRowNumber?: number;
}

export interface InferColumnOptions extends InferOptions {
  /** Take this type instead of inferring one; a cell that does not fit is an error. */
  readonly override?: ColumnType;
}

export interface InferTableOptions extends InferOptions {
  /** Types by column name. A name that is no column is an error. */
  readonly overrides?: Readonly<Record<string, ColumnType>>;
}

/** The number that the text stands for, or undefined where it is no finite decimal number. */
export function parseDecimal(text: string): number | undefined {
  const trimmed = text.trim();
  if (!DECIMAL.test(trimmed)) return undefined;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : undefined;
}

function parseBoolean(text: string): boolean | undefined {
  const trimmed = text.trim();
  if (trimmed === 'true' || trimmed === 'True' || trimmed === 'TRUE') return true;
  if (trimmed === 'false' || trimmed === 'False' || trimmed === 'FALSE') return false;
  return undefined;
}

/**
 * A column of raw text cells. Rule: cells that are null or a missing token are missing; numeric if every other
 * cell is a finite decimal number (also where all are missing); boolean if every other cell is true/false (as
 * `true`, `True` or `TRUE`); categorical else. Categories are the cells as written, sorted by code point.
 * An `override` that a cell does not fit throws RK_TABULAR_CELL_INVALID naming column, row number and value.
 */
export function inferColumn(
  name: string,
  cells: readonly (string | null)[],
  options: InferColumnOptions = {},
): Column {
  const missing = missingMask(cells, new Set(options.missingTokens ?? DEFAULT_MISSING_TOKENS));
  const firstRow = options.firstRowNumber ?? 1;
  const type = options.override;
  if (type === undefined || type === 'numeric') {
    const column = numericCells(name, cells, missing, type === 'numeric' ? firstRow : undefined);
    if (column !== undefined) return column;
  }
  if (type === undefined || type === 'boolean') {
    const column = booleanCells(name, cells, missing, type === 'boolean' ? firstRow : undefined);
    if (column !== undefined) return column;
  }
  return codedColumn(
    name,
    type === 'text' ? 'text' : 'categorical',
    cells.map((cell, i) => (missing[i] === 1 ? null : cell)),
  );
}

/**
 * A table of raw text cells, one list a column, with the rule of `inferColumn` for each.
 * Throws for an override of a column that does not exist, a cell that does not fit, or unequal lengths.
 */
export function inferTable(
  names: readonly string[],
  cells: readonly (readonly (string | null)[])[],
  options: InferTableOptions = {},
): Table {
  for (const name of Object.keys(options.overrides ?? {})) {
    if (!names.includes(name)) {
      throw new TabularError(
        'RK_TABULAR_COLUMN_MISSING',
        `A type is given for column "${name}", which does not exist; the columns are: ${names.join(', ')}.`,
        { column: name },
      );
    }
  }
  return createTable(
    names.map((name, i) => {
      const override =
        options.overrides !== undefined && Object.hasOwn(options.overrides, name)
          ? options.overrides[name]
          : undefined;
      return inferColumn(name, cells[i] ?? [], {
        ...options,
        ...(override === undefined ? {} : { override }),
      });
    }),
  );
}

/**
 * A column of a known type from typed cells (JSON values, captures). null, undefined and NaN are missing, and so
 * is ±Infinity. Numeric columns take numbers and decimal text; categorical and text columns take strings, numbers
 * and booleans by their text; boolean ones take booleans and their text. A cell that does not fit throws
 * RK_TABULAR_CELL_INVALID. Coded columns get `categories` (plus new ones, appended in sorted order) or sorted ones.
 */
export function columnFromValues(
  name: string,
  type: ColumnType,
  values: readonly (CellValue | undefined)[],
  categories?: readonly string[],
): Column {
  if (type === 'numeric') {
    const out = new Float64Array(values.length);
    values.forEach((value, i) => {
      if (value === null || value === undefined) out[i] = NaN;
      else if (typeof value === 'number') out[i] = Number.isFinite(value) ? value : NaN;
      else {
        const parsed = typeof value === 'string' ? parseDecimal(value) : undefined;
        if (parsed === undefined) throw invalidCell(name, i + 1, String(value), 'a finite decimal number');
        out[i] = parsed;
      }
    });
    return { name, type, values: out };
  }
  const cells = values.map((value, i) => {
    if (value === null || value === undefined) return null;
    if (typeof value === 'number' && Number.isNaN(value)) return null;
    if (type !== 'boolean') return String(value);
    const parsed = parseBoolean(String(value));
    if (parsed === undefined) throw invalidCell(name, i + 1, String(value), 'true or false');
    return String(parsed);
  });
  return codedColumn(name, type, cells, type === 'boolean' ? BOOLEAN_CATEGORIES : categories);
}

const BOOLEAN_CATEGORIES: readonly string[] = ['false', 'true'];

function missingMask(cells: readonly (string | null)[], tokens: ReadonlySet<string>): Uint8Array {
  const mask = new Uint8Array(cells.length);
  cells.forEach((cell, i) => {
    if (cell === null || tokens.has(cell) || tokens.has(cell.trim())) mask[i] = 1;
  });
  return mask;
}

/** With a first row number given, a cell that does not fit throws; without, the result is undefined. */
function numericCells(
  name: string,
  cells: readonly (string | null)[],
  missing: Uint8Array,
  firstRow: number | undefined,
): Column | undefined {
  const values = new Float64Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    if (missing[i] === 1) {
      values[i] = NaN;
      continue;
    }
    const value = parseDecimal(cells[i]!);
    if (value === undefined) {
      if (firstRow === undefined) return undefined;
      throw invalidCell(name, firstRow + i, cells[i]!, 'a finite decimal number');
    }
    values[i] = value;
  }
  return { name, type: 'numeric', values };
}

function booleanCells(
  name: string,
  cells: readonly (string | null)[],
  missing: Uint8Array,
  firstRow: number | undefined,
): Column | undefined {
  const codes = new Int32Array(cells.length);
  for (let i = 0; i < cells.length; i++) {
    if (missing[i] === 1) {
      codes[i] = -1;
      continue;
    }
    const value = parseBoolean(cells[i]!);
    if (value === undefined) {
      if (firstRow === undefined) return undefined;
      throw invalidCell(name, firstRow + i, cells[i]!, 'true or false');
    }
    codes[i] = value ? 1 : 0;
  }
  return { name, type: 'boolean', codes, categories: BOOLEAN_CATEGORIES };
}

function codedColumn(
  name: string,
  type: CodedColumnType,
  cells: readonly (string | null)[],
  known: readonly string[] = [],
): Column {
  const extra = new Set<string>();
  const knownSet = new Set(known);
  for (const cell of cells) if (cell !== null && !knownSet.has(cell)) extra.add(cell);
  const categories = [...known, ...[...extra].sort(compareCategories)];
  const position = new Map(categories.map((category, i) => [category, i]));
  const codes = new Int32Array(cells.length);
  cells.forEach((cell, i) => {
    codes[i] = cell === null ? -1 : position.get(cell)!;
  });
  return { name, type, codes, categories };
}

function invalidCell(column: string, row: number, value: string, wanted: string): TabularError {
  return new TabularError(
    'RK_TABULAR_CELL_INVALID',
    `Column "${column}", row ${row}: "${value}" is not ${wanted}. Correct the cell, add it to the missing tokens, or give the column another type.`,
    { column, row: String(row), value },
  );
}
