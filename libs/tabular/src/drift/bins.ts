import type { WeightedSample } from './reference-column.js';

/** Counts of both sides, position by position; positions are sorted by value or category, or are bins. */
export interface Bins {
  readonly reference: Float64Array;
  readonly current: Float64Array;
}

/** Outcome of a drift method: the score, and the test's statistic where it has one. */
export interface TestResult {
  readonly score: number;
  readonly statistic?: number;
}

/** Sum of the counts. */
export function total(counts: Float64Array): number {
  let sum = 0;
  for (const count of counts) sum += count;
  return sum;
}

/** Counts of two samples over the union of their values. */
export function unionBins(a: WeightedSample, b: WeightedSample): Bins {
  const reference = new Float64Array(a.values.length + b.values.length);
  const current = new Float64Array(reference.length);
  let i = 0;
  let j = 0;
  let at = 0;
  while (i < a.values.length || j < b.values.length) {
    const x = i < a.values.length ? a.values[i]! : Infinity;
    const y = j < b.values.length ? b.values[j]! : Infinity;
    if (x <= y) reference[at] = a.counts[i++]!;
    if (y <= x) current[at] = b.counts[j++]!;
    at++;
  }
  return { reference: reference.subarray(0, at), current: current.subarray(0, at) };
}
