/** Matrices are rescaled by this power of two before they overflow. */
const STEP = 256;
const BIG = 2 ** STEP;

/**
 * P(Dₙ < d) by Durbin's matrix: with nd = k − h, k whole and 0 ≤ h < 1, it is n!/nⁿ times the middle element of Hⁿ, H
 * the (2k − 1)² matrix of Marsaglia, Tsang and Wang (2003). Entries are non-negative, so the result is accurate in
 * relative terms. O(k³ log n).
 */
export function durbinMatrixCdf(n: number, d: number): number {
  const nd = n * d;
  const k = Math.ceil(nd);
  const m = 2 * k - 1;
  let base = durbinMatrix(m, k - nd);
  let baseExponent = 0;
  let power: Float64Array | undefined;
  let exponent = 0;
  const middle = (k - 1) * m + (k - 1);
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) {
      power = power === undefined ? base : multiply(power, base, m);
      exponent += baseExponent;
      if (power[middle]! > BIG) {
        power = power.map((x) => x / BIG);
        exponent += STEP;
      }
    }
    if (left === 1) break;
    base = multiply(base, base, m);
    baseExponent *= 2;
    if (base[middle]! > BIG) {
      base = base.map((x) => x / BIG);
      baseExponent += STEP;
    }
  }
  let p = power![middle]!;
  for (let i = 1; i <= n; i++) {
    p = (p * i) / n;
    if (p < 1 / BIG) {
      p *= BIG;
      exponent -= STEP;
    }
  }
  for (; exponent < 0 && p > 0; exponent += STEP) p /= BIG;
  for (; exponent > 0; exponent -= STEP) p *= BIG;
  return p;
}

function durbinMatrix(m: number, h: number): Float64Array {
  const inverse = new Float64Array(m + 1);
  inverse[0] = 1;
  for (let i = 1; i <= m; i++) inverse[i] = inverse[i - 1]! / i;
  const matrix = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j <= Math.min(i + 1, m - 1); j++) matrix[i * m + j] = inverse[i - j + 1]!;
  }
  // First column and last row: (1 − h^i) / i!, and both at the corner.
  for (let i = 1; i <= m; i++) {
    const edge = (1 - h ** i) * inverse[i]!;
    matrix[(i - 1) * m] = edge;
    matrix[(m - 1) * m + (m - i)] = edge;
  }
  matrix[(m - 1) * m] = (1 - 2 * h ** m + Math.max(0, 2 * h - 1) ** m) * inverse[m]!;
  return matrix;
}

function multiply(a: Float64Array, b: Float64Array, m: number): Float64Array {
  const out = new Float64Array(m * m);
  for (let i = 0; i < m; i++) {
    for (let k = 0; k < m; k++) {
      const factor = a[i * m + k]!;
      if (factor === 0) continue;
      for (let j = 0; j < m; j++) out[i * m + j]! += factor * b[k * m + j]!;
    }
  }
  return out;
}
