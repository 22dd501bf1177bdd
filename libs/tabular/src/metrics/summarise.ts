/** Mean and population standard deviation. */
export interface Summary {
  readonly mean: number;
  readonly std: number;
}

/** Mean and population standard deviation of the values; both NaN where there are none. */
export function summarise(values: ArrayLike<number>): Summary {
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]!;
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
  return { mean, std: Math.sqrt(squares / n) };
}

/** Summary of each metric that all folds have. */
export function summariseMetrics(
  folds: readonly Readonly<Record<string, number>>[],
): Record<string, Summary> {
  const out: Record<string, Summary> = {};
  for (const name of Object.keys(folds[0] ?? {})) {
    const values = folds.map((fold) => (Object.hasOwn(fold, name) ? fold[name]! : NaN));
    if (values.every((value) => !Number.isNaN(value))) out[name] = summarise(values);
  }
  return out;
}
