import { normalCdf, normalQuantile } from '../distributions/normal.js';
import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { fromJsonNumber, numericCells, requireRows, toJsonNumber } from './cells.js';
import type { JsonNumber } from './cells.js';
import { columnNames, mapNumeric } from './map-columns.js';
import { interpolate, linearQuantile, sortedPresent, unitSpace } from './statistics.js';

/** How near to 0 and 1 a probability may be before it is cut (normal output). */
const BOUNDS_THRESHOLD = 1e-7;
const CLIP_MIN = normalQuantile(BOUNDS_THRESHOLD - Number.EPSILON);
const CLIP_MAX = normalQuantile(1 - (BOUNDS_THRESHOLD - Number.EPSILON));

/**
 * Columns to a uniform or normal distribution by ranks. As scikit-learn 1.9.1
 * `QuantileTransformer(subsample=None)`.
 */
export interface QuantileTransformerSpec {
  readonly kind: 'quantile_transformer';
  /** Quantiles kept, at most the number of rows. Default 1000. */
  readonly nQuantiles?: number;
  /** Default 'uniform'. */
  readonly outputDistribution?: 'uniform' | 'normal';
}

/** A fitted QuantileTransformer: one list of quantiles a column, null for NaN. */
export interface FittedQuantileTransformer {
  readonly kind: 'quantile_transformer';
  readonly columns: readonly string[];
  readonly outputDistribution: 'uniform' | 'normal';
  readonly quantiles: readonly (readonly JsonNumber[])[];
}

/**
 * Fit a QuantileTransformer on all columns: all rows count (scikit-learn draws 10,000 of more with its default
 * `subsample`), missing cells do not.
 */
export function fitQuantileTransformer(
  table: Table,
  spec: QuantileTransformerSpec = { kind: 'quantile_transformer' },
): FittedQuantileTransformer {
  requireRows(table, 'QuantileTransformer');
  const asked = spec.nQuantiles ?? 1000;
  if (!Number.isInteger(asked) || asked < 1) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `The number of quantiles must be a whole number of at least 1; it is ${asked}.`,
    );
  }
  const references = unitSpace(Math.max(1, Math.min(asked, table.rows)));
  return {
    kind: 'quantile_transformer',
    columns: columnNames(table),
    outputDistribution: spec.outputDistribution ?? 'uniform',
    quantiles: table.columns.map((column) => {
      const sorted = sortedPresent(numericCells(column));
      return Array.from(references, (q) => toJsonNumber(linearQuantile(sorted, (q * 100) / 100)));
    }),
  };
}

/**
 * Columns on the output distribution: the mean of interpolating ranks from below and from above (repeated
 * quantiles), values beyond the fitted ones at its ends; normal outputs are cut at Φ⁻¹(1e-7) = ∓5.2.
 */
export function transformQuantileTransformer(fitted: FittedQuantileTransformer, table: Table): Table {
  const normal = fitted.outputDistribution === 'normal';
  const curves = fitted.quantiles.map(quantileCurve);
  return mapNumeric(fitted.columns, table, (x, j) => rankOnCurve(x, curves[j]!, normal));
}

/** Quantiles of a column, ready for ranking: with their probabilities, and both mirrored. */
export interface QuantileCurve {
  readonly xs: Float64Array;
  readonly references: Float64Array;
  readonly mirroredXs: Float64Array;
  readonly mirroredReferences: Float64Array;
}

/** The curve of fitted quantiles. */
export function quantileCurve(quantiles: readonly JsonNumber[]): QuantileCurve {
  const xs = Float64Array.from(quantiles, fromJsonNumber);
  const references = unitSpace(xs.length);
  return {
    xs,
    references,
    mirroredXs: xs.map((x) => -x).reverse(),
    mirroredReferences: references.map((p) => -p).reverse(),
  };
}

/** One cell of a QuantileTransformer; NaN stays. */
export function rankOnCurve(x: number, curve: QuantileCurve, normal: boolean): number {
  if (Number.isNaN(x)) return NaN;
  const bounds = normal ? BOUNDS_THRESHOLD : 0;
  const { xs, references, mirroredXs, mirroredReferences } = curve;
  const low = xs[0]!;
  const high = xs[xs.length - 1]!;
  let p: number;
  if (normal ? x - bounds < low : x === low) p = 0;
  else if (normal ? x + bounds > high : x === high) p = 1;
  else p = 0.5 * (interpolate(x, xs, references) - interpolate(-x, mirroredXs, mirroredReferences));
  return normal ? Math.min(CLIP_MAX, Math.max(CLIP_MIN, normalQuantile(p))) : p;
}

/** Back to the columns' own distributions, by interpolating the quantiles. */
export function inverseQuantileTransformer(fitted: FittedQuantileTransformer, table: Table): Table {
  const normal = fitted.outputDistribution === 'normal';
  const curves = fitted.quantiles.map((quantiles) => {
    const ys = Float64Array.from(quantiles, fromJsonNumber);
    return { ys, references: unitSpace(ys.length) };
  });
  return mapNumeric(fitted.columns, table, (value, j) => {
    if (Number.isNaN(value)) return NaN;
    const { ys, references } = curves[j]!;
    const p = normal ? normalCdf(value) : value;
    if (normal ? p - BOUNDS_THRESHOLD < 0 : p === 0) return ys[0]!;
    if (normal ? p + BOUNDS_THRESHOLD > 1 : p === 1) return ys[ys.length - 1]!;
    return interpolate(p, references, ys);
  });
}
