import { binomialMass, stirlingError } from './binomial.js';
import { durbinMatrixCdf } from './durbin-matrix.js';
import { pelzGoodCdf } from './pelz-good.js';

/**
 * P(Dₙ ≥ d) of the two-sided one-sample Kolmogorov–Smirnov statistic for n rows (a whole number ≥ 1): NaN for another
 * n. The method is chosen by n and d as Simard and L'Ecuyer (2011) do: closed forms at both ends (Ruben and Gambino
 * 1982), twice the one-sided law in the upper tail, Durbin's matrix, and Pelz and Good's expansion for many rows. (The
 * matrix also serves where they use Pomeranz's recursion: both are exact.)
 */
export function kolmogorovSurvival(n: number, d: number): number {
  if (!Number.isInteger(n) || n < 1 || Number.isNaN(d)) return NaN;
  if (d >= 1) return 0;
  const t = n * d;
  if (t <= 0.5) return 1;
  if (t <= 1) return 1 - smallestCdf(n, t);
  if (t >= n - 1) return Math.min(1, 2 * (1 - d) ** n);
  if (d >= 0.5) return Math.min(1, 2 * smirnovSurvival(n, d));
  const scaled = t * d;
  if (n <= 140) {
    return scaled <= 4 ? clip(1 - durbinMatrixCdf(n, d)) : Math.min(1, 2 * smirnovSurvival(n, d));
  }
  if (scaled >= 370) return 0;
  if (scaled >= 2.2) return Math.min(1, 2 * smirnovSurvival(n, d));
  const cdf = n <= 100_000 && n * d ** 1.5 <= 1.4 ? durbinMatrixCdf(n, d) : pelzGoodCdf(n, d);
  return clip(1 - cdf);
}

/**
 * P(Dₙ⁺ ≥ d) of the one-sided statistic: d Σⱼ C(n, j) (d + j/n)ʲ⁻¹ (1 − d − j/n)ⁿ⁻ʲ over 0 ≤ j ≤ n (1 − d).
 * (Smirnov 1944; Birnbaum and Tingey 1951.) All terms are positive and each is a binomial probability over d + j/n.
 */
export function smirnovSurvival(n: number, d: number): number {
  if (d <= 0) return 1;
  if (d >= 1) return 0;
  const nd = n * d;
  const last = Math.floor(n - nd);
  let sum = 0;
  for (let j = 0; j <= last; j++) {
    const np = nd + j;
    sum += binomialMass(j, n, np, n - j - nd) / np;
  }
  return Math.min(1, nd * sum);
}

/** P(Dₙ < d) for ½ ≤ nd ≤ 1: n! (2d − 1/n)ⁿ. */
function smallestCdf(n: number, t: number): number {
  // n! / nⁿ = √(2πn) e⁻ⁿ e^(Stirling's error)
  return Math.sqrt(2 * Math.PI * n) * Math.exp(stirlingError(n) - n + n * Math.log(2 * t - 1));
}

function clip(p: number): number {
  return Math.min(1, Math.max(0, p));
}
