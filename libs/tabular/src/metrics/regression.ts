import { TabularError } from '../tabular-error.js';
import { definedOnly } from './classification.js';
import { explained, varianceOf } from './explained-variance.js';
import { weightedRegressionScores } from './weighted-regression.js';

export interface RegressionInput {
  /** Rows with a NaN truth (missing) are left out. */
  readonly truth: Float64Array | Float32Array | readonly number[];
  readonly predictions: Float64Array | Float32Array | readonly number[];
  /** Of the rows. Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

export interface RegressionEvaluation {
  /** Rows with a truth. */
  readonly rows: number;
  /** mae, mse, rmse, mape, median_absolute_error, max_error, r2, explained_variance; undefined ones are left out. */
  readonly metrics: Record<string, number>;
}

/**
 * Evaluate numbers. mape divides by max(|truth|, ε); r2 and explained_variance of a constant truth are 1 for perfect
 * predictions and 0 else; r2 is undefined for fewer than two rows. All as scikit-learn.
 */
export function evaluateRegression(input: RegressionInput): RegressionEvaluation {
  const { truth, predictions } = input;
  if (truth.length !== predictions.length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${predictions.length} predictions were given for ${truth.length} rows.`,
    );
  }
  if (input.weights !== undefined) return weighted({ ...input, weights: input.weights });
  const actual: number[] = [];
  const errors: number[] = [];
  for (let i = 0; i < truth.length; i++) {
    if (Number.isNaN(truth[i]!)) continue;
    actual.push(truth[i]!);
    errors.push(truth[i]! - predictions[i]!);
  }
  const n = actual.length;
  const absolute = Float64Array.from(errors, Math.abs);
  const mean = (value: (i: number) => number): number => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += value(i);
    return sum / n;
  };
  const mse = mean((i) => errors[i]! ** 2);
  const mae = mean((i) => absolute[i]!);
  const mape = mean((i) => absolute[i]! / Math.max(Math.abs(actual[i]!), Number.EPSILON));
  const variance = varianceOf(actual);
  const errorVariance = varianceOf(errors);
  absolute.sort();
  const median = n === 0 ? NaN : (absolute[(n - 1) >> 1]! + absolute[n >> 1]!) / 2;
  const metrics = {
    mae,
    mse,
    rmse: Math.sqrt(mse),
    mape,
    median_absolute_error: median,
    max_error: n === 0 ? NaN : absolute[n - 1]!,
    r2: n < 2 ? NaN : explained(mse, variance),
    explained_variance: n === 0 ? NaN : explained(errorVariance, variance),
  };
  return { rows: n, metrics: definedOnly(metrics) };
}

function weighted(input: RegressionInput & { readonly weights: ArrayLike<number> }): RegressionEvaluation {
  const scores = weightedRegressionScores(input);
  let rows = 0;
  for (let i = 0; i < input.truth.length; i++) if (!Number.isNaN(input.truth[i]!)) rows++;
  const { mae, mse, rmse, mape, r2 } = scores;
  const metrics = {
    mae,
    mse,
    rmse,
    mape,
    median_absolute_error: scores.medianAbsoluteError,
    max_error: scores.maxError,
    r2,
    explained_variance: scores.explainedVariance,
  };
  return { rows, metrics: definedOnly(metrics) };
}
