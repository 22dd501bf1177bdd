import { kolmogorovSurvival } from '../distributions/kolmogorov.js';
import { total } from './bins.js';
import type { Bins, TestResult } from './bins.js';

/** Smallest float64 of full precision. */
const SMALLEST_NORMAL = 2.2250738585072014e-308;

/** Samples of at most this many rows are tested exactly. */
const MAX_EXACT = 10_000;

/**
 * Two-sided two-sample Kolmogorov–Smirnov test over counts of sorted values. Exact where both samples have at most
 * 10,000 rows; beyond that the law of the one-sample statistic at n = round(n₁n₂ / (n₁ + n₂)).
 */
export function kolmogorovSmirnovTest({ reference, current }: Bins): TestResult {
  const n1 = total(reference);
  const n2 = total(current);
  let below1 = 0;
  let below2 = 0;
  let statistic = 0;
  for (let i = 0; i < reference.length; i++) {
    below1 += reference[i]!;
    below2 += current[i]!;
    statistic = Math.max(statistic, Math.abs(below1 / n1 - below2 / n2));
  }
  return { score: kolmogorovSmirnovPValue(statistic, n1, n2), statistic };
}

/** p-value of a two-sample statistic D of samples of n₁ and n₂ rows. */
export function kolmogorovSmirnovPValue(statistic: number, n1: number, n2: number): number {
  if (Math.max(n1, n2) <= MAX_EXACT) return exactTwoSample(statistic, n1, n2);
  return kolmogorovSurvival(roundHalfEven((n1 * n2) / (n1 + n2)), statistic);
}

/**
 * P(D ≥ d) under the null hypothesis, exactly. All orders of the pooled rows are equally likely: a random lattice
 * path from (0, 0) to (n₁, n₂), which reaches (i, j) from (i − 1, j) with probability i / (i + j). With Q(i, j) the
 * probability that a path to (i, j) has left the band |i/n₁ − j/n₂| < d: Q = 1 outside the band, and
 * Q(i, j) = (i Q(i − 1, j) + j Q(i, j − 1)) / (i + j) within. Only positive terms: accurate far into the tail.
 * (Hodges 1958; Schröer and Trenkler 1995.)
 */
function exactTwoSample(statistic: number, n1: number, n2: number): number {
  const divisor = greatestCommonDivisor(n1, n2);
  const a = n2 / divisor;
  const b = n1 / divisor;
  const h = Math.round(statistic * b * n2);
  if (h === 0) return 1;
  // Row i holds Q(i, j); j beyond the band's ends are outside: 1.
  const row = new Float64Array(n2 + 1).fill(1);
  for (let i = 0; i <= n1; i++) {
    const from = Math.max(0, Math.floor((i * a - h) / b) + 1);
    const to = Math.min(n2, Math.ceil((i * a + h) / b) - 1);
    if (from > 0) row[from - 1] = 1;
    for (let j = from; j <= to; j++) {
      if (i === 0 && j === 0) row[0] = 0;
      else if (i === 0) row[j] = row[j - 1]!;
      else if (j > 0) {
        const q = (i * row[j]! + j * row[j - 1]!) / (i + j);
        // Denormal numbers are slow to compute with, and too small to matter.
        row[j] = q < SMALLEST_NORMAL ? 0 : q;
      }
    }
  }
  return Math.min(1, row[n2]!);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}
