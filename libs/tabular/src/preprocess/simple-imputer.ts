import { compareCategories } from '../table/category-order.js';
import { columnByName } from '../table/table.js';
import type { CodedColumn, Column, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { numericCells, numericColumn, requireRows, tableOf } from './cells.js';
import { columnNames } from './map-columns.js';
import { medianOf, sortedPresent, weightedMoments } from './statistics.js';

/** Missing cells filled in. As scikit-learn 1.9.1 `SimpleImputer`. */
export interface SimpleImputerSpec {
  readonly kind: 'simple_imputer';
  /** Default 'mean'. 'mean' and 'median' take numbers, the others any column. */
  readonly strategy?: 'mean' | 'median' | 'most_frequent' | 'constant';
  /** Of 'constant'. Default 0 for numbers and 'missing_value' for strings. */
  readonly fillValue?: number | string;
  /** Add a column of 0 and 1 for each column that had missing cells when fitted. Default false. */
  readonly addIndicator?: boolean;
  /**
   * Keep columns without any value, filled with 0 (constant: the fill value), instead of dropping them.
   * Default false.
   */
  readonly keepEmptyFeatures?: boolean;
}

/** A fitted SimpleImputer. */
export interface FittedSimpleImputer {
  readonly kind: 'simple_imputer';
  readonly columns: readonly string[];
  readonly strategy: 'mean' | 'median' | 'most_frequent' | 'constant';
  /** Value of missing cells, a column each; null for a column that is dropped. */
  readonly statistics: readonly (number | string | null)[];
  /** Names of the columns with an indicator; empty without indicators. */
  readonly indicators: readonly string[];
  readonly addIndicator: boolean;
}

/** What the name of an indicator begins with. */
export const INDICATOR_PREFIX = 'missingindicator_';

/**
 * Fit an imputer on all columns. most_frequent takes the smallest of equally frequent values (strings by code
 * point). Throws RK_TABULAR_COLUMN_TYPE for the mean or median of strings, and for a fill value that does not
 * suit its column.
 */
export function fitSimpleImputer(
  table: Table,
  spec: SimpleImputerSpec = { kind: 'simple_imputer' },
): FittedSimpleImputer {
  requireRows(table, 'SimpleImputer');
  const addIndicator = spec.addIndicator ?? false;
  const strategy = spec.strategy ?? 'mean';
  return {
    kind: 'simple_imputer',
    columns: columnNames(table),
    strategy,
    statistics: table.columns.map((column) => statisticOf(column, strategy, spec)),
    indicators: addIndicator ? table.columns.filter(hasMissing).map((column) => column.name) : [],
    addIndicator,
  };
}

/** Filled columns (dropped ones left out), then the indicators as `missingindicator_<column>`. */
export function transformSimpleImputer(fitted: FittedSimpleImputer, table: Table): Table {
  const columns: Column[] = [];
  fitted.columns.forEach((name, j) => {
    const fill = fitted.statistics[j]!;
    const column = columnByName(table, name);
    if (fill === null) return;
    columns.push(filled(column, fill, fitted.strategy));
  });
  for (const name of fitted.indicators) {
    const column = columnByName(table, name);
    const missing = Float64Array.from({ length: table.rows }, (_, i) => (isMissing(column, i) ? 1 : 0));
    columns.push(numericColumn(INDICATOR_PREFIX + name, missing));
  }
  return tableOf(table.rows, columns);
}

/**
 * The columns with what the indicators mark missing again; dropped columns come back all missing. Throws
 * without indicators, as scikit-learn.
 */
export function inverseSimpleImputer(fitted: FittedSimpleImputer, table: Table): Table {
  if (!fitted.addIndicator) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      'An imputer can only be inverted with its indicators; fit it with addIndicator: true.',
    );
  }
  const columns = fitted.columns.map((name, j): Column => {
    if (fitted.statistics[j] === null) return numericColumn(name, new Float64Array(table.rows).fill(NaN));
    const column = columnByName(table, name);
    if (!fitted.indicators.includes(name)) return column;
    const marks = numericCells(columnByName(table, INDICATOR_PREFIX + name));
    if (column.type === 'numeric') {
      return numericColumn(
        name,
        column.values.map((value, i) => (marks[i] === 0 ? value : NaN)),
      );
    }
    return { ...column, codes: column.codes.map((code, i) => (marks[i] === 0 ? code : -1)) };
  });
  return tableOf(table.rows, columns);
}

function statisticOf(
  column: Column,
  strategy: FittedSimpleImputer['strategy'],
  spec: SimpleImputerSpec,
): number | string | null {
  const numeric = column.type === 'numeric';
  const keep = spec.keepEmptyFeatures ?? false;
  if (strategy === 'constant') {
    const fill = spec.fillValue ?? (numeric ? 0 : 'missing_value');
    if (numeric !== (typeof fill === 'number')) {
      throw new TabularError(
        'RK_TABULAR_COLUMN_TYPE',
        `Column "${column.name}" is ${column.type} and cannot be filled with ${JSON.stringify(fill)}; impute columns of one type together.`,
        { column: column.name },
      );
    }
    return keep || !isEmpty(column) ? fill : null;
  }
  if (strategy === 'most_frequent') {
    return mostFrequent(column) ?? (keep ? (numeric ? 0 : '0') : null);
  }
  const values = numericCells(column);
  const statistic = strategy === 'mean' ? weightedMoments(values).mean : medianOf(sortedPresent(values));
  return Number.isNaN(statistic) ? (keep ? 0 : null) : statistic;
}

function mostFrequent(column: Column): number | string | undefined {
  if (column.type !== 'numeric') return mostFrequentCategory(column);
  let best: number | undefined;
  let bestCount = 0;
  let count = 0;
  const sorted = sortedPresent(numericCells(column));
  sorted.forEach((value, i) => {
    count = i > 0 && sorted[i - 1] === value ? count + 1 : 1;
    if (count > bestCount) {
      best = value;
      bestCount = count;
    }
  });
  return best;
}

function mostFrequentCategory({ codes, categories }: CodedColumn): string | undefined {
  const counts = new Int32Array(categories.length);
  for (const code of codes) if (code >= 0) counts[code]!++;
  let best: number | undefined;
  counts.forEach((count, code) => {
    if (count === 0) return;
    const before = best === undefined ? -1 : count - counts[best]!;
    if (best === undefined || before > 0) best = code;
    else if (before === 0 && compareCategories(categories[code]!, categories[best]!) < 0) best = code;
  });
  return best === undefined ? undefined : categories[best];
}

function filled(column: Column, fill: number | string, strategy: FittedSimpleImputer['strategy']): Column {
  if (typeof fill === 'number') {
    if (column.type !== 'numeric' && strategy !== 'mean' && strategy !== 'median') {
      throw wrongType(column, 'numeric');
    }
    const values = numericCells(column);
    const out = new Float64Array(values.length);
    for (let row = 0; row < values.length; row++) {
      const value = values[row]!;
      out[row] = Number.isNaN(value) ? fill : value;
    }
    return numericColumn(column.name, out);
  }
  if (column.type === 'numeric') throw wrongType(column, 'categorical');
  let code = column.categories.indexOf(fill);
  if (code < 0) code = column.categories.length;
  const categories = code < column.categories.length ? column.categories : [...column.categories, fill];
  const codes = new Int32Array(column.codes.length);
  for (let row = 0; row < codes.length; row++)
    codes[row] = column.codes[row]! < 0 ? code : column.codes[row]!;
  return { ...column, codes, categories };
}

function isMissing(column: Column, row: number): boolean {
  return column.type === 'numeric' ? Number.isNaN(column.values[row]!) : column.codes[row]! < 0;
}

function hasMissing(column: Column): boolean {
  return column.type === 'numeric'
    ? column.values.some((value) => Number.isNaN(value))
    : column.codes.some((code) => code < 0);
}

function isEmpty(column: Column): boolean {
  return column.type === 'numeric'
    ? column.values.every((value) => Number.isNaN(value))
    : column.codes.every((code) => code < 0);
}

function wrongType(column: Column, fitted: string): TabularError {
  return new TabularError(
    'RK_TABULAR_COLUMN_TYPE',
    `Column "${column.name}" is ${column.type}, but the imputer was fitted on a ${fitted} one; give the columns as fitted.`,
    { column: column.name },
  );
}
