/**
 * The place of the first number that is NaN or infinite, or −1. Large arrays are read several times as fast as by a test of each
 * number: x − x is 0 for a finite x, and NaN, which stays in a sum, for another.
 */
export function firstNotFinite(values: Float32Array): number {
  const block = 4_096;
  for (let start = 0; start < values.length; start += block) {
    const end = Math.min(start + block, values.length);
    let [sum, other] = [0, 0];
    for (let i = start; i < end - 1; i += 2) {
      sum += values[i]! - values[i]!;
      other += values[i + 1]! - values[i + 1]!;
    }
    const last = values[end - 1]!;
    if (sum + other + (last - last) === 0) continue;
    for (let i = start; i < end; i += 1) if (!Number.isFinite(values[i]!)) return i;
  }
  return -1;
}
