import type { WeightedSample } from './reference-column.js';

/** Smallest standard deviation that a distance is divided by. */
const MIN_STD = 0.001;

/** First Wasserstein distance, ∫ |F₁ − F₂| dx, of two samples. O(distinct values). */
export function wassersteinDistance(a: WeightedSample, b: WeightedSample): number {
  let i = 0;
  let j = 0;
  let below = 0;
  let belowB = 0;
  let previous = 0;
  let sum = 0;
  while (i < a.values.length || j < b.values.length) {
    const x = i < a.values.length ? a.values[i]! : Infinity;
    const y = j < b.values.length ? b.values[j]! : Infinity;
    const at = Math.min(x, y);
    if (i > 0 || j > 0) sum += Math.abs(below / a.n - belowB / b.n) * (at - previous);
    if (x === at) below += a.counts[i++]!;
    if (y === at) belowB += b.counts[j++]!;
    previous = at;
  }
  return sum;
}

/** Wasserstein distance divided by the reference's population standard deviation (at least 0.001). */
export function normalisedWasserstein(reference: WeightedSample, current: WeightedSample): number {
  return wassersteinDistance(reference, current) / Math.max(populationStd(reference), MIN_STD);
}

/** Two passes over the distinct values. */
export function populationStd({ values, counts, n }: WeightedSample): number {
  if (n === 0) return 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * counts[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += counts[i]! * (values[i]! - mean) ** 2;
  return Math.sqrt(squares / n);
}
