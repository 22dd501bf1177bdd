import { requireFinite } from '../preprocess/statistics.js';
import { compareCategories } from '../table/category-order.js';
import { columnByName } from '../table/table.js';
import type { CodedColumn, NumericColumn, RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import type {
  FittedCategorical,
  FittedNumeric,
  FittedStandardTransformer,
  TransformerSpec,
} from './fitted-transformer.js';

/**
 * Fit imputers, scaler and encoder on these rows only. Equal to scikit-learn's
 * `ColumnTransformer([numeric: SimpleImputer + StandardScaler, categorical: SimpleImputer('most_frequent') +
 * OneHotEncoder(handle_unknown='ignore')])` with `keep_empty_features`. Throws where a feature does not exist or
 * is text, and where there are no features or no rows.
 */
export function fitTransformer(
  table: Table,
  rows: RowIndices,
  spec: TransformerSpec,
): FittedStandardTransformer {
  if (spec.features.length === 0 || rows.length === 0) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `A transformer needs at least one feature and one row; it got ${spec.features.length} features and ${rows.length} rows.`,
    );
  }
  const numericImputer = spec.numericImputer ?? 'mean';
  const scaler = spec.scaler ?? 'standard';
  const numeric: FittedNumeric[] = [];
  const categorical: FittedCategorical[] = [];
  for (const name of new Set(spec.features)) {
    const column = columnByName(table, name);
    if (column.type === 'text') {
      throw new TabularError(
        'RK_TABULAR_COLUMN_TYPE',
        `Column "${name}" is free text and cannot be a feature; leave it out or give it the type categorical.`,
        { column: name },
      );
    }
    if (column.type === 'numeric') numeric.push(fitNumeric(column, rows, numericImputer, scaler));
    else categorical.push(fitCategorical(column, rows, column.type));
  }
  const featureNames = [
    ...numeric.map((n) => n.column),
    ...categorical.flatMap((c) => c.categories.map((category) => `${c.column}_${category}`)),
  ];
  return {
    version: 1,
    numericImputer,
    scaler,
    numeric,
    categorical,
    featureNames,
    width: featureNames.length,
  };
}

function fitNumeric(
  column: NumericColumn,
  rows: RowIndices,
  imputer: 'mean' | 'median',
  scaler: 'standard' | 'none',
): FittedNumeric {
  const imputed = new Float64Array(rows.length);
  const present = new Float64Array(rows.length);
  let n = 0;
  for (let i = 0; i < rows.length; i++) {
    const value = column.values[rows[i]!]!;
    imputed[i] = value;
    if (Number.isFinite(value)) present[n++] = value;
  }
  const kept = present.subarray(0, n);
  const fill = n === 0 ? 0 : unsignedZero(imputer === 'mean' ? sum(kept) / n : median(kept));
  for (let i = 0; i < imputed.length; i++) if (!Number.isFinite(imputed[i]!)) imputed[i] = fill;
  if (scaler === 'none') return { column: column.name, fill, mean: 0, scale: 1 };
  const { mean, scale } = meanAndScale(imputed, column.name);
  return { column: column.name, fill, mean, scale };
}

/**
 * Mean and population standard deviation (two passes, corrected), the latter 1 where the values are constant up to
 * rounding: variance ≤ n·ε·variance + (n·mean·ε)², the bound of scikit-learn's StandardScaler. Throws for numbers so large that
 * they are none.
 */
export function meanAndScale(values: Float64Array, column: string): { mean: number; scale: number } {
  const n = values.length;
  if (n === 0) return { mean: 0, scale: 1 };
  const mean = unsignedZero(sum(values) / n);
  let squares = 0;
  let correction = 0;
  for (const value of values) {
    const difference = value - mean;
    correction += difference;
    squares += difference * difference;
  }
  const variance = (squares - (correction * correction) / n) / n;
  requireFinite(column, { mean, variance });
  const bound = n * Number.EPSILON * variance + (n * mean * Number.EPSILON) ** 2;
  return { mean, scale: variance <= bound ? 1 : Math.sqrt(variance) };
}

/** A fitted number is kept as JSON, which has no −0: with it, a restored transformer would compute other floats. */
function unsignedZero(value: number): number {
  return value + 0;
}

/** Compensated (Neumaier) sum: as exact as NumPy's pairwise one or better. */
function sum(values: Float64Array): number {
  let total = 0;
  let lost = 0;
  for (const value of values) {
    const next = total + value;
    lost += Math.abs(total) >= Math.abs(value) ? total - next + value : value - next + total;
    total = next;
  }
  return total + lost;
}

/** Sorts in place. */
function median(values: Float64Array): number {
  values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle]! : (values[middle - 1]! + values[middle]!) / 2;
}

function fitCategorical(
  column: CodedColumn,
  rows: RowIndices,
  type: 'categorical' | 'boolean',
): FittedCategorical {
  const counts = new Float64Array(column.categories.length);
  for (let i = 0; i < rows.length; i++) {
    const code = column.codes[rows[i]!]!;
    if (code >= 0) counts[code]!++;
  }
  const seen = column.categories
    .map((category, code) => ({ category, count: counts[code]! }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => compareCategories(a.category, b.category));
  let fill: { category: string; count: number } | undefined;
  for (const entry of seen) if (fill === undefined || entry.count > fill.count) fill = entry;
  return { column: column.name, type, fill: fill?.category ?? null, categories: seen.map((s) => s.category) };
}
