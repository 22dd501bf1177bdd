import { sumOf } from './statistics.js';

/** Largest |λ · log x| tried: its exponential and its square still fit a float64. */
const LARGEST_EXPONENT = 300;

/** Box–Cox: (x^λ − 1) / λ, log x at λ = 0. x > 0. */
export function boxCox(x: number, lambda: number): number {
  return Math.abs(lambda) < 1e-19 ? Math.log(x) : Math.expm1(lambda * Math.log(x)) / lambda;
}

/** Inverse of boxCox. NaN where no x has this value. */
export function inverseBoxCox(y: number, lambda: number): number {
  return lambda === 0 ? Math.exp(y) : Math.exp(Math.log1p(lambda * y) / lambda);
}

/** Yeo–Johnson (Yeo and Johnson 2000): Box–Cox of x + 1 for x ≥ 0, mirrored with 2 − λ below. */
export function yeoJohnson(x: number, lambda: number): number {
  const log = Math.log1p(Math.abs(x));
  if (x >= 0) return Math.abs(lambda) < Number.EPSILON ? log : Math.expm1(lambda * log) / lambda;
  return Math.abs(lambda - 2) > Number.EPSILON ? -Math.expm1((2 - lambda) * log) / (2 - lambda) : -log;
}

/** Inverse of yeoJohnson. NaN where no x has this value. */
export function inverseYeoJohnson(y: number, lambda: number): number {
  if (y >= 0) {
    if (Math.abs(lambda) < Number.EPSILON) return Math.expm1(y);
    return Math.expm1(Math.log1p(lambda * y) / lambda);
  }
  if (Math.abs(lambda - 2) > Number.EPSILON) return -Math.expm1(Math.log1p((lambda - 2) * y) / (2 - lambda));
  return -Math.expm1(-y);
}

/**
 * λ of the largest Box–Cox likelihood of these positive values: the root of the likelihood's derivative, to
 * the last bits of float64. SciPy stops its search of the maximum at 1.5e-8, so its λ is this one to about
 * 1e-7.
 */
export function boxCoxLambda(values: ArrayLike<number>): number {
  return boxCoxOfLogs(Float64Array.from(values, Math.log));
}

/**
 * λ of the largest Yeo–Johnson likelihood of finite values, kept within the bounds that keep 20 times the
 * largest |x| from overflowing, as SciPy does. 1 where all values are 0.
 */
export function yeoJohnsonLambda(values: ArrayLike<number>): number {
  const x = Float64Array.from(values);
  const largest = x.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest === 0) return 1;
  const [low, high] = yeoJohnsonBounds(x, largest);
  // Sizes near float64's end on both sides leave no power but the identity (SciPy fails there).
  if (low >= high) return 1;
  const clamp = (lambda: number): number => Math.min(high, Math.max(low, lambda));
  // With one sign it is Box–Cox of 1 + |x|, whose likelihood is evaluated without cancellation.
  if (x.every((value) => value >= 0)) return clamp(boxCoxOfLogs(x.map(Math.log1p)));
  if (x.every((value) => value < 0)) return clamp(2 - boxCoxOfLogs(x.map((value) => Math.log1p(-value))));
  const logs = x.map((value) => Math.log1p(Math.abs(value)));
  const jacobian = sumOf(logs.map((log, i) => (x[i]! < 0 ? -log : log)));
  const slope = (lambda: number): number => {
    const y = new Float64Array(x.length);
    const dy = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) {
      const positive = x[i]! >= 0;
      const t = positive ? lambda : 2 - lambda;
      const value = scaledPower(logs[i]!, t);
      y[i] = positive ? value : -value;
      dy[i] = powerSlope(logs[i]!, t);
    }
    return likelihoodSlope(y, dy, jacobian);
  };
  return rootOf(slope, low, high);
}

function yeoJohnsonBounds(x: Float64Array, largest: number): [number, number] {
  const log = Math.log1p(20 * largest);
  const logEpsilon = Math.log(Number.EPSILON);
  let low = (Math.log(2.2250738585072014e-308) - logEpsilon) / 2 / log;
  let high = (Math.log(Number.MAX_VALUE) + logEpsilon) / 2 / log;
  if (x.every((value) => value < 0)) return [2 - high, 2 - low];
  if (x.some((value) => value < 0)) [low, high] = [Math.max(2 - high, low), Math.min(2 - low, high)];
  return [low, high];
}

/**
 * λ of Box–Cox from log x. It does not depend on the unit of x, so logs are centred: nothing overflows or
 * cancels.
 */
function boxCoxOfLogs(logs: Float64Array): number {
  const mean = sumOf(logs) / logs.length;
  const centred = logs.map((log) => log - mean);
  const widest = centred.reduce((max, log) => Math.max(max, Math.abs(log)), 0);
  const slope = (lambda: number): number =>
    likelihoodSlope(
      centred.map((log) => scaledPower(log, lambda)),
      centred.map((log) => powerSlope(log, lambda)),
      0,
    );
  const limit = LARGEST_EXPONENT / widest;
  return rootOf(slope, -limit, limit);
}

/** expm1(λ log) / λ, continuous at 0. */
function scaledPower(log: number, lambda: number): number {
  return lambda === 0 ? log : Math.expm1(lambda * log) / lambda;
}

/** d/dλ of scaledPower: log² · (t eᵗ − expm1(t)) / t² with t = λ log; by its series near 0. */
function powerSlope(log: number, lambda: number): number {
  const t = lambda * log;
  if (Math.abs(t) > 0.5) return ((t * Math.exp(t) - Math.expm1(t)) / lambda) * (log / t);
  let term = 1;
  let sum = 0;
  for (let k = 0; k < 20; k++) {
    sum += term / (k + 2);
    term *= t / (k + 1);
  }
  return log * log * sum;
}

/** Derivative of −n/2 · log var(y) + λ · jacobian. */
function likelihoodSlope(y: Float64Array, dy: Float64Array, jacobian: number): number {
  const n = y.length;
  const mean = sumOf(y) / n;
  const variance = sumOf(y.map((value) => (value - mean) ** 2)) / n;
  const covariance = sumOf(y.map((value, i) => (value - mean) * dy[i]!)) / n;
  return jacobian - (n * covariance) / variance;
}

/**
 * Where a function that falls through 0 in [from, to] does so, by Ridders' method in the smallest of the
 * intervals ±4, ±16, … that has the crossing; the nearer end where there is none.
 */
function rootOf(slope: (lambda: number) => number, from: number, to: number): number {
  let low: number;
  let high: number;
  for (let width = 4; ; width *= 4) {
    low = Math.max(from, -width);
    high = Math.min(to, width);
    if (slope(low) > 0 && slope(high) < 0) break;
    if (low === from && high === to) return slope(low) > 0 ? high : low;
  }
  let atLow = slope(low);
  let atHigh = slope(high);
  for (let round = 0; round < 100 && high - low > Number.EPSILON * Math.max(1, Math.abs(low)); round++) {
    const middle = low + (high - low) / 2;
    const atMiddle = slope(middle);
    if (atMiddle === 0) return middle;
    const step = ((middle - low) * atMiddle) / Math.sqrt(atMiddle * atMiddle - atLow * atHigh);
    // The root lies on the side that the sign at the middle tells: both points narrow the interval.
    for (const [x, y] of [
      [middle, atMiddle],
      [middle + step, slope(middle + step)],
    ] as const) {
      if (!(x >= low && x <= high)) continue;
      if (y === 0) return x;
      if (y > 0) [low, atLow] = [x, y];
      else [high, atHigh] = [x, y];
    }
  }
  return low + (high - low) / 2;
}
