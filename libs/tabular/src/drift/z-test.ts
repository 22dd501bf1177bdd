import { erfc } from '../distributions/gamma.js';
import { total } from './bins.js';
import type { Bins, TestResult } from './bins.js';

/**
 * Two-sided z-test of two proportions, pooled variance. The smallest value is a failure, every other a success;
 * one common value gives p = 1. p = erfc(|z| / √2), accurate in the tail.
 */
export function zTest({ reference, current }: Bins): TestResult {
  const n1 = total(reference);
  const n2 = total(current);
  if (reference.length < 2) return { score: 1, statistic: 0 };
  const ones1 = n1 - reference[0]!;
  const ones2 = n2 - current[0]!;
  const pooled = (ones1 + ones2) / (n1 + n2);
  if (pooled <= 0 || pooled >= 1) return { score: 1, statistic: 0 };
  const z = (ones1 / n1 - ones2 / n2) / Math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2));
  return { score: erfc(Math.abs(z) / Math.SQRT2), statistic: z };
}
