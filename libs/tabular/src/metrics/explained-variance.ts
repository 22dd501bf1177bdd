import { weightedMoments } from '../preprocess/statistics.js';

/**
 * Population variance of the values that weigh anything (default 1 each). Exactly 0 of equal numbers, whose rounded mean may be
 * another; ∞ where squares overflow; NaN where there are none.
 */
export function varianceOf(values: readonly number[], weights?: readonly number[]): number {
  const counted = weights === undefined ? values : values.filter((_, i) => weights[i]! > 0);
  if (counted.length > 0 && counted.every((value) => value === counted[0])) return 0;
  const { mean, variance } = weightedMoments(
    counted,
    weights?.filter((weight) => weight > 0),
  );
  return Number.isNaN(variance) && !Number.isNaN(mean) ? Infinity : variance;
}

/** The share of the variance that a residual leaves explained; of no variance 1 where nothing is left, else 0. NaN where one is. */
export function explained(residual: number, variance: number): number {
  if (Number.isNaN(residual) || Number.isNaN(variance)) return NaN;
  if (variance > 0) return 1 - residual / variance;
  return residual === 0 ? 1 : 0;
}
