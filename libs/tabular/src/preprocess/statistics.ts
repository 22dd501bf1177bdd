import { sortedNumbers } from '../profile/sort-floats.js';
import { TabularError } from '../tabular-error.js';

/** Machine epsilon of float64. */
const EPSILON = Number.EPSILON;

/** A running sum with Neumaier's compensation: its error does not grow with the number of terms. */
interface CompensatedSum {
  add(value: number): void;
  total(): number;
}

/** An empty compensated sum. */
export function compensatedSum(): CompensatedSum {
  let sum = 0;
  let lost = 0;
  return {
    add(value) {
      const next = sum + value;
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum;
      sum = next;
    },
    // An overflowing sum leaves NaN in the correction; the sum itself is right then.
    total: () => (Number.isNaN(lost) ? sum : sum + lost),
  };
}

/** Sum of the values, compensated. */
export function sumOf(values: Iterable<number>): number {
  const sum = compensatedSum();
  for (const value of values) sum.add(value);
  return sum.total();
}

/** Mean, population variance and weight of the values that are not NaN; NaN where there are none. */
interface WeightedMoments {
  readonly count: number;
  readonly mean: number;
  readonly variance: number;
}

/**
 * Weighted mean and population variance, in two passes with the correction of Chan, Golub and LeVeque.
 * Weights default to 1.
 */
export function weightedMoments(values: ArrayLike<number>, weights?: ArrayLike<number>): WeightedMoments {
  const n = countOf(values, weights);
  const mean = sumAround(values, weights, 0) / n;
  const squares = squaresAround(values, weights, mean);
  const correction = sumAround(values, weights, mean);
  const variance = (squares - correction ** 2 / n) / n;
  return { count: n, mean, variance: variance < 0 ? 0 : variance };
}

/** Weight of the values that are not NaN. */
function countOf(values: ArrayLike<number>, weights: ArrayLike<number> | undefined): number {
  if (weights !== undefined) {
    const count = compensatedSum();
    for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) count.add(weights[i]!);
    return count.total();
  }
  let count = 0;
  for (let i = 0; i < values.length; i++) if (!Number.isNaN(values[i]!)) count++;
  return count;
}

// The two sums below are compensatedSum written out: a column of a million rows is summed several times for each fold.

/** Compensated sum of the weighted distances from `centre`. */
function sumAround(
  values: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  centre: number,
): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    const distance = values[i]! - centre;
    const term = weights === undefined ? distance : weights[i]! * distance;
    const next = sum + term;
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return Number.isNaN(lost) ? sum : sum + lost;
}

/** Compensated sum of the weighted squares of the distances from `centre`. */
function squaresAround(
  values: ArrayLike<number>,
  weights: ArrayLike<number> | undefined,
  centre: number,
): number {
  let sum = 0;
  let lost = 0;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    const distance = values[i]! - centre;
    const term = weights === undefined ? distance * distance : weights[i]! * distance * distance;
    const next = sum + term;
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum;
    sum = next;
  }
  return Number.isNaN(lost) ? sum : sum + lost;
}

/**
 * Whether a variance is no more than what rounding makes of a constant (scikit-learn's
 * `_is_constant_feature`).
 */
export function isConstant({ count, mean, variance }: WeightedMoments): boolean {
  // The squares of numbers that are anything but constant may be beyond float64.
  if (variance === Infinity) return false;
  return variance <= count * EPSILON * variance + (count * mean * EPSILON) ** 2;
}

/** Throws RK_TABULAR_ARGUMENT_INVALID where the numbers of a column are too large for their mean and deviation to be numbers. */
export function requireFinite(
  name: string,
  { mean, variance }: Pick<WeightedMoments, 'mean' | 'variance'>,
): void {
  if (Number.isFinite(mean) && Number.isFinite(variance)) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `Column "${name}" has numbers so large that float64 can't hold their standard deviation; scale it by robust_scaler or quantile_transformer, or leave it out.`,
    { column: name },
  );
}

/** A divisor: 1 for a scale below 10 ε (scikit-learn's `_handle_zeros_in_scale`). NaN stays. */
export function nonZeroScale(scale: number): number {
  return scale < 10 * EPSILON ? 1 : scale;
}

/** The values that are not NaN, ascending. */
export function sortedPresent(values: Float64Array): Float64Array {
  return sortedNumbers(values);
}

/**
 * Quantile q in [0, 1] of ascending values by linear interpolation, rounded as NumPy's `percentile`; NaN
 * without values.
 */
export function linearQuantile(sorted: Float64Array, q: number): number {
  const n = sorted.length;
  if (n === 0) return NaN;
  const position = (n - 1) * q;
  const low = Math.floor(position);
  if (low >= n - 1) return sorted[n - 1]!;
  const a = sorted[low]!;
  const b = sorted[low + 1]!;
  const t = position - low;
  // NumPy interpolates from the nearer end.
  return t >= 0.5 ? b - (b - a) * (1 - t) : a + (b - a) * t;
}

/** Middle value of ascending values, or the mean of the middle two; NaN without values. */
export function medianOf(sorted: Float64Array): number {
  const n = sorted.length;
  if (n === 0) return NaN;
  return n % 2 === 1 ? sorted[n >> 1]! : (sorted[(n >> 1) - 1]! + sorted[n >> 1]!) / 2;
}

/** num evenly spaced numbers from 0 to 1, rounded as NumPy's `linspace`; [0] for one. */
export function unitSpace(num: number): Float64Array {
  const step = 1 / (num - 1);
  const out = Float64Array.from({ length: num }, (_, i) => i * step);
  if (num === 1) out[0] = 0;
  else out[num - 1] = 1;
  return out;
}

/**
 * Piecewise linear interpolation through the points (xs ascending), constant beyond its ends; the last of
 * several points with one x counts. As NumPy's `interp`.
 */
export function interpolate(x: number, xs: ArrayLike<number>, ys: ArrayLike<number>): number {
  const last = xs.length - 1;
  if (x < xs[0]!) return ys[0]!;
  let low = 0;
  let high = last + 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  if (low === last || xs[low] === x) return ys[low]!;
  const slope = (ys[low + 1]! - ys[low]!) / (xs[low + 1]! - xs[low]!);
  return slope * (x - xs[low]!) + ys[low]!;
}
