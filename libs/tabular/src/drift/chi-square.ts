import { chiSquareSurvival } from '../distributions/gamma.js';
import { total } from './bins.js';
import type { Bins, TestResult } from './bins.js';

/**
 * Chi-square goodness of fit of the current counts to the reference's shares: expected = reference count × n₂ / n₁,
 * K − 1 degrees of freedom, no correction. A value that the reference does not have makes the statistic infinite and
 * p = 0; a single common value gives p = 1.
 */
export function chiSquareTest({ reference, current }: Bins): TestResult {
  if (reference.length < 2) return { score: 1, statistic: 0 };
  const scale = total(current) / total(reference);
  let statistic = 0;
  for (let i = 0; i < reference.length; i++) {
    const expected = reference[i]! * scale;
    statistic += (current[i]! - expected) ** 2 / expected;
  }
  return { score: chiSquareSurvival(statistic, reference.length - 1), statistic };
}
