import type { Column, FittedStep, StepSpec, Table } from '@rookery/tabular';

/**
 * Of what size the numbers are that an output cell is computed from: both libraries round those, in another order, so that
 * agreement is relative to them. Gives 0 where the output is to agree by its own size.
 */
export function sizesOf(
  spec: StepSpec,
  fitted: FittedStep,
  train: Table,
  test: Table,
): (column: number, row: number, output: number) => number {
  if (fitted.kind === 'standard_scaler' || fitted.kind === 'robust_scaler') {
    // A mean is a rounded sum of numbers up to the largest, and a cell is its distance from it.
    const largest = train.columns.map((column, j) => {
      const scale = fitted.kind === 'standard_scaler' && !fitted.withStd ? 1 : (fitted.scale[j] ?? 1);
      return Math.max(largestOf(column), largestOf(test.columns[j]!)) / scale;
    });
    return (j) => largest[j]!;
  }
  if (fitted.kind === 'simple_imputer' && fitted.strategy === 'mean') {
    // A mean may cancel to far less than what it is the mean of. Dropped columns have no output.
    const kept = train.columns.filter((_, j) => fitted.statistics[j] !== null).map(largestOf);
    return (j) => kept[j] ?? 0;
  }
  if (spec.kind === 'quantile_transformer') {
    // Ranks are numbers up to 1; a normal output moves by 1/density as much as its rank.
    const normal = spec.outputDistribution === 'normal';
    return (_, __, output) => (normal ? Math.max(1, 1e-2 / Math.exp((-output * output) / 2)) : 1);
  }
  return () => 0;
}

/** Largest absolute number of a column. */
export function largestOf(column: Column): number {
  if (column.type !== 'numeric') return 0;
  return column.values.reduce(
    (most, value) => (Number.isNaN(value) ? most : Math.max(most, Math.abs(value))),
    0,
  );
}
