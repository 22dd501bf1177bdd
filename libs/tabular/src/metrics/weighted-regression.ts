import { compensatedSum } from '../preprocess/statistics.js';
import { TabularError } from '../tabular-error.js';
import { explained, varianceOf } from './explained-variance.js';
import { checkLengths, weightOf } from './label-counts.js';

/** Predicted numbers; rows with a NaN truth (missing) are left out. */
export interface WeightedRegression {
  readonly truth: ArrayLike<number>;
  readonly predictions: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

/** Scores of a regression; NaN where undefined. */
export interface RegressionScores {
  readonly mae: number;
  readonly mse: number;
  readonly rmse: number;
  /** Relative to max(|truth|, ε). */
  readonly mape: number;
  /** The weighted median, averaging where the half falls between two rows. */
  readonly medianAbsoluteError: number;
  /** Weights do not count, as in scikit-learn. */
  readonly maxError: number;
  readonly r2: number;
  readonly explainedVariance: number;
  /** Of log(1 + x); NaN where a truth or prediction is −1 or less (scikit-learn refuses). */
  readonly msle: number;
  readonly rmsle: number;
}

interface Rows {
  readonly truth: number[];
  readonly predictions: number[];
  readonly weights: number[];
}

/**
 * Weighted scores, as scikit-learn 1.9.1's functions with `sample_weight`. r2 and explainedVariance of a
 * constant truth are 1 for perfect predictions and 0 else; r2 of fewer than two rows is NaN.
 */
export function weightedRegressionScores(input: WeightedRegression): RegressionScores {
  const rows = presentRows(input);
  const { truth, predictions, weights } = rows;
  const errors = truth.map((y, i) => y - predictions[i]!);
  const absolute = errors.map(Math.abs);
  const mse = meanOf(weights, (i) => errors[i]! ** 2);
  const variance = varianceOf(truth, weights);
  const logs = truth.every((y, i) => y > -1 && predictions[i]! > -1);
  const msle = logs
    ? meanOf(weights, (i) => (Math.log1p(truth[i]!) - Math.log1p(predictions[i]!)) ** 2)
    : NaN;
  return {
    mae: meanOf(weights, (i) => absolute[i]!),
    mse,
    rmse: Math.sqrt(mse),
    mape: meanOf(weights, (i) => absolute[i]! / Math.max(Math.abs(truth[i]!), Number.EPSILON)),
    medianAbsoluteError: weightedMedian(absolute, weights),
    maxError: absolute.length === 0 ? NaN : absolute.reduce((a, b) => Math.max(a, b), 0),
    r2: truth.length < 2 ? NaN : explained(mse, variance),
    explainedVariance: explained(varianceOf(errors, weights), variance),
    msle,
    rmsle: Math.sqrt(msle),
  };
}

/**
 * Mean pinball loss of predicted alpha-quantiles. As scikit-learn 1.9.1 `mean_pinball_loss`. Default alpha
 * 0.5.
 */
export function meanPinballLoss(input: WeightedRegression, alpha = 0.5): number {
  if (!(alpha >= 0 && alpha <= 1)) throw invalid(`A quantile must be between 0 and 1; it is ${alpha}.`);
  const { truth, predictions, weights } = presentRows(input);
  return meanOf(weights, (i) => {
    const error = truth[i]! - predictions[i]!;
    return error >= 0 ? alpha * error : (alpha - 1) * error;
  });
}

/**
 * Mean Tweedie deviance: power 0 squared error, 1 Poisson, 2 gamma. As scikit-learn 1.9.1
 * `mean_tweedie_deviance`. Throws RK_TABULAR_ARGUMENT_INVALID for powers between 0 and 1, and for values
 * outside the distribution.
 */
export function meanTweedieDeviance(input: WeightedRegression, power = 0): number {
  const { truth, predictions, weights } = presentRows(input);
  if (power > 0 && power < 1)
    throw invalid(`No Tweedie distribution has the power ${power}; use 0 or at least 1.`);
  const badTruth = (y: number): boolean => (power >= 2 ? y <= 0 : power >= 1 && y < 0);
  if (truth.some(badTruth) || (power !== 0 && predictions.some((mu) => mu <= 0))) {
    throw invalid(
      `A Tweedie deviance of power ${power} needs positive predictions and no truth outside its range.`,
    );
  }
  return meanOf(weights, (i) => tweedie(truth[i]!, predictions[i]!, power));
}

function tweedie(y: number, mu: number, p: number): number {
  if (p === 0) return (y - mu) ** 2;
  if (p === 1) return 2 * ((y === 0 ? 0 : y * Math.log(y / mu)) - y + mu);
  if (p === 2) return 2 * (Math.log(mu / y) + y / mu - 1);
  const base = p < 0 ? Math.max(y, 0) : y;
  return (
    2 * (base ** (2 - p) / ((1 - p) * (2 - p)) - (y * mu ** (1 - p)) / (1 - p) + mu ** (2 - p) / (2 - p))
  );
}

/**
 * The median of weighted values; the mean of two where the cumulative weight is exactly half. As
 * scikit-learn's averaged weighted percentile.
 */
function weightedMedian(values: readonly number[], weights: readonly number[]): number {
  const order = values
    .flatMap((_, i) => (weights[i]! > 0 ? [i] : []))
    .sort((a, b) => values[a]! - values[b]!);
  const half = order.reduce((sum, i) => sum + weights[i]!, 0) / 2;
  let sum = 0;
  for (let at = 0; at < order.length; at++) {
    sum += weights[order[at]!]!;
    if (sum < half) continue;
    const value = values[order[at]!]!;
    if (sum - half > Number.EPSILON || at + 1 === order.length) return value;
    return (value + values[order[at + 1]!]!) / 2;
  }
  return NaN;
}

function presentRows({ truth, predictions, weights }: WeightedRegression): Rows {
  checkLengths(truth.length, [predictions], weights);
  const kept = Array.from({ length: truth.length }, (_, i) => i).filter((i) => !Number.isNaN(truth[i]!));
  return {
    truth: kept.map((i) => truth[i]!),
    predictions: kept.map((i) => predictions[i]!),
    weights: kept.map((i) => weightOf(weights, i)),
  };
}

function meanOf(weights: readonly number[], value: (i: number) => number): number {
  const sum = compensatedSum();
  const total = compensatedSum();
  weights.forEach((weight, i) => {
    // Nothing of a row that weighs nothing: not even of an infinite square.
    if (weight === 0) return;
    sum.add(weight * value(i));
    total.add(weight);
  });
  return sum.total() / total.total();
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_ARGUMENT_INVALID', message);
}
