/**
 * P(Dₙ < d) by the expansion of Pelz and Good (1976): K₀(z) + K₁(z)/√n + K₂(z)/n + K₃(z)/n^1.5 with z = d √n, in the
 * theta-function form for small z as printed by Simard and L'Ecuyer (2011). Sums run until terms vanish.
 */
export function pelzGoodCdf(n: number, d: number): number {
  const z = d * Math.sqrt(n);
  const z2 = z * z;
  const z4 = z2 * z2;
  const z6 = z4 * z2;
  let k0 = 0;
  let k1 = 0;
  let k2 = 0;
  let k3 = 0;
  for (let k = Math.ceil((16 * z) / Math.PI); k >= 1; k--) {
    const u = (Math.PI * (k - 0.5)) ** 2;
    const weight = Math.exp(-u / (2 * z2));
    k0 += weight;
    k1 += (u - z2) * weight;
    k2 += (6 * z6 + 2 * z4 + (2 * z4 - 5 * z2) * u + (1 - 2 * z2) * u * u) * weight;
    k3 +=
      ((5 - 30 * z2) * u ** 3 +
        (212 * z4 - 60 * z2) * u * u +
        (135 * z4 - 96 * z6) * u -
        30 * z6 -
        90 * z4 * z4) *
      weight;
  }
  let k2Extra = 0;
  let k3Extra = 0;
  for (let k = Math.ceil((16 * z) / Math.PI); k >= 1; k--) {
    const u = (Math.PI * k) ** 2;
    const weight = Math.exp(-u / (2 * z2));
    k2Extra += u * weight;
    k3Extra += (3 * z2 - u) * u * weight;
  }
  const root = Math.sqrt(2 * Math.PI);
  const K0 = (root * k0) / z;
  const K1 = (root * k1) / (6 * z4);
  const K2 = (root * k2) / (72 * z ** 7) - (root * k2Extra) / (36 * z ** 3);
  const K3 = (root * k3) / (6480 * z ** 10) + (root * k3Extra) / (216 * z6);
  return Math.min(1, Math.max(0, K0 + K1 / Math.sqrt(n) + K2 / n + K3 / n ** 1.5));
}
