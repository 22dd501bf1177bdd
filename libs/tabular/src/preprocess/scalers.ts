import { normalQuantile } from '../distributions/normal.js';
import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { fromJsonNumber, numericCells, requireRows, toJsonNumber } from './cells.js';
import type { JsonNumber } from './cells.js';
import { columnNames, mapNumeric } from './map-columns.js';
import {
  isConstant,
  linearQuantile,
  medianOf,
  nonZeroScale,
  requireFinite,
  sortedPresent,
  weightedMoments,
} from './statistics.js';

/** (x − mean) / population standard deviation. As scikit-learn 1.9.1 `StandardScaler`. */
export interface StandardScalerSpec {
  readonly kind: 'standard_scaler';
  /** Subtract the mean. Default true. */
  readonly withMean?: boolean;
  /** Divide by the standard deviation. Default true. */
  readonly withStd?: boolean;
}

/** A fitted StandardScaler: plain JSON, one number a column; null stands for NaN (a column without values). */
export interface FittedStandardScaler {
  readonly kind: 'standard_scaler';
  readonly columns: readonly string[];
  readonly withMean: boolean;
  readonly withStd: boolean;
  readonly mean: readonly JsonNumber[];
  readonly variance: readonly JsonNumber[];
  /** 1 for constant columns. */
  readonly scale: readonly JsonNumber[];
  /** Rows with a value, or their weight. */
  readonly count: readonly number[];
}

/**
 * Fit a StandardScaler on all columns of the table. Missing cells do not count and stay missing; a column
 * whose variance is within rounding of 0 has the scale 1. `weights` (one a row, default 1) weigh the rows. Throws for numbers so
 * large that their deviation is none, where scikit-learn makes the column NaN.
 */
export function fitStandardScaler(
  table: Table,
  spec: StandardScalerSpec = { kind: 'standard_scaler' },
  weights?: ArrayLike<number>,
): FittedStandardScaler {
  requireRows(table, 'StandardScaler');
  checkWeights(weights, table.rows);
  const moments = table.columns.map((column) => weightedMoments(numericCells(column), weights));
  for (const [j, { name }] of table.columns.entries()) {
    const { count, mean, variance } = moments[j]!;
    if (count > 0) requireFinite(name, { mean, variance: spec.withStd === false ? 0 : variance });
  }
  return {
    kind: 'standard_scaler',
    columns: columnNames(table),
    withMean: spec.withMean ?? true,
    withStd: spec.withStd ?? true,
    mean: moments.map((m) => toJsonNumber(m.mean)),
    variance: moments.map((m) => toJsonNumber(m.variance)),
    scale: moments.map((m) => toJsonNumber(isConstant(m) ? 1 : Math.sqrt(m.variance))),
    count: moments.map((m) => m.count),
  };
}

/** Scaled columns, under their names. */
export function transformStandardScaler(fitted: FittedStandardScaler, table: Table): Table {
  const { mean, scale, withMean, withStd } = fitted;
  return mapNumeric(fitted.columns, table, (x, j) =>
    centredAndScaled(x, withMean ? fromJsonNumber(mean[j]!) : 0, withStd ? fromJsonNumber(scale[j]!) : 1),
  );
}

/** One cell of a StandardScaler or RobustScaler; a centre of 0 and a scale of 1 change nothing. */
export function centredAndScaled(x: number, centre: number, scale: number): number {
  return (x - centre) / scale;
}

/** The inverse of transformStandardScaler. */
export function inverseStandardScaler(fitted: FittedStandardScaler, table: Table): Table {
  const { mean, scale, withMean, withStd } = fitted;
  return mapNumeric(fitted.columns, table, (y, j) => {
    const scaled = withStd ? y * fromJsonNumber(scale[j]!) : y;
    return withMean ? scaled + fromJsonNumber(mean[j]!) : scaled;
  });
}

/** Columns onto a range. As scikit-learn 1.9.1 `MinMaxScaler`. */
export interface MinMaxScalerSpec {
  readonly kind: 'min_max_scaler';
  /** Default [0, 1]. */
  readonly featureRange?: readonly [number, number];
  /** Clip transformed values to the range. Default false. */
  readonly clip?: boolean;
}

/** A fitted MinMaxScaler: transformed = x · scale + min. */
export interface FittedMinMaxScaler {
  readonly kind: 'min_max_scaler';
  readonly columns: readonly string[];
  readonly featureRange: readonly [number, number];
  readonly clip: boolean;
  readonly dataMin: readonly JsonNumber[];
  readonly dataMax: readonly JsonNumber[];
  readonly scale: readonly JsonNumber[];
  readonly min: readonly JsonNumber[];
}

/** Fit a MinMaxScaler on all columns; missing cells do not count. Throws where the range is empty. */
export function fitMinMaxScaler(
  table: Table,
  spec: MinMaxScalerSpec = { kind: 'min_max_scaler' },
): FittedMinMaxScaler {
  requireRows(table, 'MinMaxScaler');
  const [low, high] = spec.featureRange ?? [0, 1];
  if (!(low < high)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `The feature range needs a minimum below its maximum; it is [${low}, ${high}].`,
    );
  }
  const fitted = table.columns.map((column) => {
    let dataMin = NaN;
    let dataMax = NaN;
    for (const value of numericCells(column)) {
      // Written so that NaN never wins, but is replaced.
      if (!(value >= dataMin)) dataMin = Number.isNaN(value) ? dataMin : value;
      if (!(value <= dataMax)) dataMax = Number.isNaN(value) ? dataMax : value;
    }
    const scale = (high - low) / nonZeroScale(dataMax - dataMin);
    return { dataMin, dataMax, scale, min: low - dataMin * scale };
  });
  return {
    kind: 'min_max_scaler',
    columns: columnNames(table),
    featureRange: [low, high],
    clip: spec.clip ?? false,
    dataMin: fitted.map((f) => toJsonNumber(f.dataMin)),
    dataMax: fitted.map((f) => toJsonNumber(f.dataMax)),
    scale: fitted.map((f) => toJsonNumber(f.scale)),
    min: fitted.map((f) => toJsonNumber(f.min)),
  };
}

/** Columns on the range, under their names. */
export function transformMinMaxScaler(fitted: FittedMinMaxScaler, table: Table): Table {
  const [low, high] = fitted.clip ? fitted.featureRange : [-Infinity, Infinity];
  return mapNumeric(fitted.columns, table, (x, j) =>
    onRange(x, fromJsonNumber(fitted.scale[j]!), fromJsonNumber(fitted.min[j]!), low, high),
  );
}

/** One cell of a MinMaxScaler, cut to low … high. */
export function onRange(x: number, scale: number, min: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x * scale + min));
}

/** The inverse of transformMinMaxScaler (of clipped values: the nearest end). */
export function inverseMinMaxScaler(fitted: FittedMinMaxScaler, table: Table): Table {
  return mapNumeric(
    fitted.columns,
    table,
    (y, j) => (y - fromJsonNumber(fitted.min[j]!)) / fromJsonNumber(fitted.scale[j]!),
  );
}

/** (x − median) / quantile range. As scikit-learn 1.9.1 `RobustScaler`. */
export interface RobustScalerSpec {
  readonly kind: 'robust_scaler';
  /** Default true. */
  readonly withCentering?: boolean;
  /** Default true. */
  readonly withScaling?: boolean;
  /** Percentiles. Default [25, 75]. */
  readonly quantileRange?: readonly [number, number];
  /** Scale so that a normal column has variance 1. Default false. */
  readonly unitVariance?: boolean;
}

/** A fitted RobustScaler; center is 0 and scale 1 where not asked for. */
export interface FittedRobustScaler {
  readonly kind: 'robust_scaler';
  readonly columns: readonly string[];
  readonly center: readonly JsonNumber[];
  readonly scale: readonly JsonNumber[];
}

/** Fit a RobustScaler on all columns; missing cells do not count. Throws where not 0 ≤ low ≤ high ≤ 100. */
export function fitRobustScaler(
  table: Table,
  spec: RobustScalerSpec = { kind: 'robust_scaler' },
): FittedRobustScaler {
  requireRows(table, 'RobustScaler');
  const [low, high] = spec.quantileRange ?? [25, 75];
  if (!(low >= 0 && low <= high && high <= 100)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `A quantile range needs 0 ≤ low ≤ high ≤ 100; it is [${low}, ${high}].`,
    );
  }
  const adjust = spec.unitVariance === true ? normalQuantile(high / 100) - normalQuantile(low / 100) : 1;
  const fitted = table.columns.map((column) => {
    const sorted = sortedPresent(numericCells(column));
    const range = linearQuantile(sorted, high / 100) - linearQuantile(sorted, low / 100);
    return {
      center: spec.withCentering === false ? 0 : medianOf(sorted),
      scale: spec.withScaling === false ? 1 : nonZeroScale(range) / adjust,
    };
  });
  return {
    kind: 'robust_scaler',
    columns: columnNames(table),
    center: fitted.map((f) => toJsonNumber(f.center)),
    scale: fitted.map((f) => toJsonNumber(f.scale)),
  };
}

/** Scaled columns, under their names. */
export function transformRobustScaler(fitted: FittedRobustScaler, table: Table): Table {
  return mapNumeric(fitted.columns, table, (x, j) =>
    centredAndScaled(x, fromJsonNumber(fitted.center[j]!), fromJsonNumber(fitted.scale[j]!)),
  );
}

/** The inverse of transformRobustScaler. */
export function inverseRobustScaler(fitted: FittedRobustScaler, table: Table): Table {
  return mapNumeric(
    fitted.columns,
    table,
    (y, j) => y * fromJsonNumber(fitted.scale[j]!) + fromJsonNumber(fitted.center[j]!),
  );
}

function checkWeights(weights: ArrayLike<number> | undefined, rows: number): void {
  if (weights === undefined || weights.length === rows) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `${weights.length} weights were given for ${rows} rows; give one a row.`,
  );
}
