/** Largest difference allowed for an expected output: float32 rounding of another order of summation. */
export function goldenTolerance(expected: number): number {
  return 1e-5 * Math.max(1, Math.abs(expected));
}

/**
 * Why the outputs are not those that the model gave after training, or undefined where they are: wrong length, a
 * number that is not finite, or a difference over {@link goldenTolerance}.
 */
export function goldenMismatch(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  row: number,
): string | undefined {
  if (actual.length !== expected.length) {
    return `golden row ${row}: the model gives ${actual.length} outputs where ${expected.length} were recorded`;
  }
  for (let i = 0; i < expected.length; i += 1) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= goldenTolerance(expected[i]!))) {
      return `golden row ${row}: output ${i} is ${actual[i]!}, recorded was ${expected[i]!}`;
    }
  }
  return undefined;
}
