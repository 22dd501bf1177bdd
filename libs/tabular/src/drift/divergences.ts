import { total } from './bins.js';
import type { Bins } from './bins.js';

/**
 * Jensen–Shannon distance, natural logarithm: sqrt((Σ p ln(p/m) + Σ q ln(q/m)) / 2), m = (p + q) / 2. Between 0 and
 * sqrt(ln 2) ≈ 0.8326. (Lin 1991; Endres and Schindelin 2003.)
 */
export function jensenShannonDistance({ reference, current }: Bins): number {
  const n = total(reference);
  const m = total(current);
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const p = reference[i]! / n;
    const q = current[i]! / m;
    const middle = (p + q) / 2;
    if (p > 0) sum += p * Math.log(p / middle);
    if (q > 0) sum += q * Math.log(q / middle);
  }
  return Math.sqrt(Math.max(0, sum) / 2);
}

/** Population stability index, Σ (r − c) ln(r / c) on zero-filled shares. */
export function psi({ reference, current }: Bins): number {
  const r = zeroFilledShares(reference);
  const c = zeroFilledShares(current);
  let sum = 0;
  for (let i = 0; i < r.length; i++) sum += (r[i]! - c[i]!) * Math.log(r[i]! / c[i]!);
  return sum;
}

/** Kullback–Leibler divergence of the reference from the current shares, nats, on zero-filled renormalised shares. */
export function klDivergence({ reference, current }: Bins): number {
  const r = zeroFilledShares(reference);
  const c = zeroFilledShares(current);
  const rSum = total(r);
  const cSum = total(c);
  let sum = 0;
  for (let i = 0; i < r.length; i++) {
    const p = r[i]! / rSum;
    sum += p * Math.log(p / (c[i]! / cSum));
  }
  return Math.max(0, sum);
}

/** Shares with zeros replaced by 1e-4, or by a millionth of the smallest non-zero share where that is ≤ 1e-4. */
function zeroFilledShares(counts: Float64Array): Float64Array {
  const n = total(counts);
  const shares = counts.map((count) => count / n);
  let smallest = Infinity;
  for (const share of shares) if (share > 0 && share < smallest) smallest = share;
  const fill = smallest <= 1e-4 ? smallest / 1e6 : 1e-4;
  return shares.map((share) => (share === 0 ? fill : share));
}
