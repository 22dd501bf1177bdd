/** ln(n!) − Stirling's approximation of it, for 0 … 15. */
const SMALL_ERRORS = Float64Array.from({ length: 16 }, (_, n) => {
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return n === 0 ? 0 : Math.log(factorial) - ((n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI));
});

/** ln(n!) − ((n + ½) ln n − n + ½ ln 2π) for whole n. */
export function stirlingError(n: number): number {
  if (n < SMALL_ERRORS.length) return SMALL_ERRORS[n]!;
  const s = 1 / (n * n);
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / n;
}

/** x ln(x / m) + m − x without cancellation for x near m. */
function deviance(x: number, m: number): number {
  if (x === 0) return m;
  if (Math.abs(x - m) >= 0.1 * (x + m)) return x * Math.log(x / m) + m - x;
  const v = (x - m) / (x + m);
  let sum = (x - m) * v;
  let term = 2 * x * v;
  for (let k = 1; k < 1000; k++) {
    term *= v * v;
    const next = sum + term / (2 * k + 1);
    if (next === sum) break;
    sum = next;
  }
  return sum;
}

/**
 * Binomial probability C(n, j) pʲ qⁿ⁻ʲ from np and nq (p + q = 1), accurate in relative terms for any size.
 * (Loader 2000, "Fast and accurate computation of binomial probabilities".)
 */
export function binomialMass(j: number, n: number, np: number, nq: number): number {
  if (np <= 0 || nq <= 0) return (np <= 0 && j === 0) || (nq <= 0 && j === n) ? 1 : 0;
  if (j === 0) return Math.exp(n * (np < nq ? Math.log1p(-np / n) : Math.log(nq / n)));
  if (j === n) return Math.exp(n * (nq < np ? Math.log1p(-nq / n) : Math.log(np / n)));
  const log =
    stirlingError(n) - stirlingError(j) - stirlingError(n - j) - deviance(j, np) - deviance(n - j, nq);
  return Math.exp(log) * Math.sqrt(n / (2 * Math.PI * j * (n - j)));
}
