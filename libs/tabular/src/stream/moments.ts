import { compensatedSum } from '../preprocess/statistics.js';
import { TabularError } from '../tabular-error.js';

/** Moments of numbers seen so far: plain JSON that can be stored, added to and merged. */
export interface Moments {
  /** Weight of the values; rows where all weigh 1. */
  readonly weight: number;
  /** Missing (NaN) values seen. */
  readonly missing: number;
  readonly mean: number;
  /** Sums of the weighted 2nd, 3rd and 4th powers of distances from the mean. */
  readonly m2: number;
  readonly m3: number;
  readonly m4: number;
  /** null before the first value. */
  readonly min: number | null;
  readonly max: number | null;
}

/** What moments say; NaN where undefined. */
export interface MomentsSummary {
  readonly count: number;
  readonly missing: number;
  readonly mean: number;
  readonly populationVariance: number;
  readonly sampleVariance: number;
  /** SciPy's `skew` and excess `kurtosis` (both biased). */
  readonly skewness: number;
  readonly kurtosis: number;
  readonly min: number;
  readonly max: number;
}

/** No values. */
export const noMoments: Moments = {
  weight: 0,
  missing: 0,
  mean: 0,
  m2: 0,
  m3: 0,
  m4: 0,
  min: null,
  max: null,
};

/**
 * Moments with a chunk of values added. NaN counts as missing; ±Infinity throws RK_TABULAR_CELL_INVALID. The
 * chunk is summed in two passes with compensation, then merged: any chunking gives the moments of all values
 * to about 1e-14 of their size.
 */
export function addMoments(
  moments: Moments,
  values: ArrayLike<number>,
  weights?: ArrayLike<number>,
): Moments {
  if (weights !== undefined && weights.length !== values.length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${weights.length} weights were given for ${values.length} values.`,
    );
  }
  const weight = compensatedSum();
  const sum = compensatedSum();
  let missing = 0;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    const w = weights === undefined ? 1 : weights[i]!;
    if (Number.isNaN(value)) {
      missing++;
      continue;
    }
    if (!Number.isFinite(value)) {
      throw new TabularError(
        'RK_TABULAR_CELL_INVALID',
        `Value ${i} is ${value}; moments need finite numbers.`,
      );
    }
    if (w === 0) continue;
    weight.add(w);
    sum.add(w * value);
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  const total = weight.total();
  if (total === 0) return { ...moments, missing: moments.missing + missing };
  const mean = sum.total() / total;
  const [m2, m3, m4] = [compensatedSum(), compensatedSum(), compensatedSum()];
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i]!)) continue;
    const w = weights === undefined ? 1 : weights[i]!;
    const distance = values[i]! - mean;
    const square = distance * distance;
    m2.add(w * square);
    m3.add(w * square * distance);
    m4.add(w * square * square);
  }
  return mergeMoments(moments, {
    weight: total,
    missing,
    mean,
    m2: m2.total(),
    m3: m3.total(),
    m4: m4.total(),
    min,
    max,
  });
}

/**
 * Moments of all values of both, by the formulas of Pébay 2008. Merging in any order gives the same to
 * rounding.
 */
export function mergeMoments(a: Moments, b: Moments): Moments {
  const missing = a.missing + b.missing;
  if (a.weight === 0) return { ...b, missing };
  if (b.weight === 0) return { ...a, missing };
  const n = a.weight + b.weight;
  const d = b.mean - a.mean;
  const [p, q] = [a.weight / n, b.weight / n];
  return {
    weight: n,
    missing,
    mean: a.mean + d * q,
    m2: a.m2 + b.m2 + d * d * a.weight * q,
    m3: a.m3 + b.m3 + d ** 3 * a.weight * q * (p - q) + 3 * d * (p * b.m2 - q * a.m2),
    m4:
      a.m4 +
      b.m4 +
      d ** 4 * a.weight * q * (p * p - p * q + q * q) +
      6 * d * d * (p * p * b.m2 + q * q * a.m2) +
      4 * d * (p * b.m3 - q * a.m3),
    min: Math.min(a.min!, b.min!),
    max: Math.max(a.max!, b.max!),
  };
}

/** Mean, variances, skewness and kurtosis of the moments. */
export function momentsSummary(moments: Moments): MomentsSummary {
  const { weight, m2, m3, m4 } = moments;
  const variance = m2 / weight;
  return {
    count: weight,
    missing: moments.missing,
    mean: weight === 0 ? NaN : moments.mean,
    populationVariance: variance,
    sampleVariance: weight > 1 ? m2 / (weight - 1) : NaN,
    skewness: m3 / weight / variance ** 1.5,
    kurtosis: m4 / weight / variance ** 2 - 3,
    min: moments.min ?? NaN,
    max: moments.max ?? NaN,
  };
}
