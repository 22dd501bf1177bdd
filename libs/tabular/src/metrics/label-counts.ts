import { TabularError } from '../tabular-error.js';

/** Predicted classes. Rows with a negative truth (missing) are left out everywhere. */
export interface ClassPredictions {
  readonly truth: ArrayLike<number>;
  readonly predicted: ArrayLike<number>;
  /** Number of classes. Default: the largest code + 1. */
  readonly classes?: number;
  /** Of the rows. Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

/** Predicted sets of labels: rows × labels, row by row; 0 or false is absent. */
export interface MultilabelPredictions {
  readonly truth: ArrayLike<number | boolean>;
  readonly predicted: ArrayLike<number | boolean>;
  readonly labels: number;
  readonly weights?: ArrayLike<number>;
}

/** Weighted counts of one label (or one row). */
export interface LabelCounts {
  readonly hits: number;
  /** Rows predicted as the label. */
  readonly predicted: number;
  /** Rows of the label. */
  readonly support: number;
}

/** Weight of a row. */
export function weightOf(weights: ArrayLike<number> | undefined, row: number): number {
  return weights === undefined ? 1 : weights[row]!;
}

/** Throws RK_TABULAR_ARGUMENT_INVALID unless all are of one length, and no weight is negative or NaN. */
export function checkLengths(
  rows: number,
  others: readonly ArrayLike<unknown>[],
  weights: ArrayLike<number> | undefined,
): void {
  const lengths = [
    ...others.map((other) => other.length),
    ...(weights === undefined ? [] : [weights.length]),
  ];
  if (lengths.some((length) => length !== rows)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Metrics need inputs of one length; there are ${rows} rows of truth and ${lengths.join(', ')} of the others.`,
    );
  }
  for (let i = 0; weights !== undefined && i < rows; i++) {
    if (weights[i]! >= 0) continue;
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Row ${i} has the weight ${weights[i]}; weights must not be negative or missing.`,
      { row: String(i) },
    );
  }
}

/**
 * Weighted counts of truth × prediction: counts[truth][prediction]. As scikit-learn 1.9.1
 * `confusion_matrix(labels=range(classes))`. Throws RK_TABULAR_ARGUMENT_INVALID for a code of no class and
 * inputs of different lengths.
 */
export function weightedConfusion(input: ClassPredictions): number[][] {
  const { truth, predicted, weights } = input;
  checkLengths(truth.length, [predicted], weights);
  let classes = input.classes ?? 0;
  if (input.classes === undefined) {
    for (let i = 0; i < truth.length; i++) {
      if (truth[i]! >= 0) classes = Math.max(classes, truth[i]! + 1, predicted[i]! + 1);
    }
  }
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! < 0) continue;
    const row = counts[truth[i]!];
    if (row?.[predicted[i]!] === undefined) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `Row ${i} has truth ${truth[i]} and prediction ${predicted[i]}, which are no codes of ${classes} classes.`,
        { row: String(i) },
      );
    }
    row[predicted[i]!]! += weightOf(weights, i);
  }
  return counts;
}

/** Counts of each class from a confusion matrix. */
export function countsOfConfusion(confusion: readonly (readonly number[])[]): LabelCounts[] {
  return confusion.map((row, k) => ({
    hits: row[k]!,
    support: row.reduce((a, b) => a + b, 0),
    predicted: confusion.reduce((sum, other) => sum + other[k]!, 0),
  }));
}

/**
 * Whether each class has any row, of whatever weight, in truth or predictions: scikit-learn's default labels.
 */
export function occurringClasses({ truth, predicted }: ClassPredictions): number[] {
  const seen = new Set<number>();
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! < 0) continue;
    seen.add(truth[i]!);
    seen.add(predicted[i]!);
  }
  return [...seen].sort((a, b) => a - b);
}

/** Counts of each label of sets of labels, over rows; or of each row over labels (`perRow`, unweighted). */
export function multilabelCounts(input: MultilabelPredictions, perRow = false): LabelCounts[] {
  const { truth, predicted, labels, weights } = input;
  const rows = multilabelRows(input);
  const counts = Array.from({ length: perRow ? rows : labels }, () => ({
    hits: 0,
    predicted: 0,
    support: 0,
  }));
  for (let i = 0; i < rows; i++) {
    const weight = perRow ? 1 : weightOf(weights, i);
    for (let k = 0; k < labels; k++) {
      const actual = Boolean(truth[i * labels + k]);
      const guessed = Boolean(predicted[i * labels + k]);
      const count = counts[perRow ? i : k]!;
      if (actual) count.support += weight;
      if (guessed) count.predicted += weight;
      if (actual && guessed) count.hits += weight;
    }
  }
  return counts;
}

/** Number of rows; throws RK_TABULAR_ARGUMENT_INVALID where the inputs do not suit the labels. */
export function multilabelRows({ truth, predicted, labels, weights }: MultilabelPredictions): number {
  const rows = truth.length / labels;
  if (!Number.isInteger(labels) || labels < 1 || !Number.isInteger(rows)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${truth.length} cells are no rows of ${labels} labels.`,
    );
  }
  checkLengths(truth.length, [predicted], undefined);
  checkLengths(rows, [], weights);
  return rows;
}
