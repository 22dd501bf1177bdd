/** `counts[truth][prediction]`, in the order of the labels. */
export interface ConfusionMatrix {
  readonly labels: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/** Quality of one class. Undefined ratios are 0, as scikit-learn's `zero_division=0`. */
export interface ClassQuality {
  readonly label: string;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  /** Rows of this class. */
  readonly support: number;
  /** Rows predicted as this class. */
  readonly predicted: number;
}

/** Counts of truth × prediction; rows with a negative truth (missing) are left out. */
export function confusionMatrix(
  labels: readonly string[],
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
): ConfusionMatrix {
  const counts = labels.map(() => new Array<number>(labels.length).fill(0));
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! >= 0) counts[truth[i]!]![predicted[i]!]!++;
  }
  return { labels, counts };
}

/** Sum of confusion matrices of the same labels (the folds of one run). Throws nothing; none gives no counts. */
export function sumConfusions(matrices: readonly ConfusionMatrix[]): ConfusionMatrix {
  const labels = matrices[0]?.labels ?? [];
  return {
    labels,
    counts: labels.map((_, t) =>
      labels.map((__, p) => matrices.reduce((sum, m) => sum + m.counts[t]![p]!, 0)),
    ),
  };
}

/** Precision, recall, F1 and support of each class. */
export function classQualities({ labels, counts }: ConfusionMatrix): ClassQuality[] {
  return labels.map((label, k) => {
    const hits = counts[k]![k]!;
    const support = counts[k]!.reduce((sum, count) => sum + count, 0);
    const predicted = counts.reduce((sum, row) => sum + row[k]!, 0);
    return {
      label,
      precision: predicted === 0 ? 0 : hits / predicted,
      recall: support === 0 ? 0 : hits / support,
      f1: support + predicted === 0 ? 0 : (2 * hits) / (support + predicted),
      support,
      predicted,
    };
  });
}

/** Metrics that follow from a confusion matrix alone; NaN without rows. */
export function confusionMetrics(matrix: ConfusionMatrix): Record<string, number> {
  const classes = classQualities(matrix);
  const rows = classes.reduce((sum, c) => sum + c.support, 0);
  const hits = matrix.counts.reduce((sum, row, k) => sum + row[k]!, 0);
  // Classes that occur neither in truth nor in predictions do not count, as scikit-learn's default labels.
  const occurring = classes.filter((c) => c.support + c.predicted > 0);
  const present = classes.filter((c) => c.support > 0);
  const macro = (of: readonly ClassQuality[], key: 'precision' | 'recall' | 'f1'): number =>
    of.reduce((sum, c) => sum + c[key], 0) / of.length;
  const weighted = (key: 'precision' | 'recall' | 'f1'): number =>
    present.reduce((sum, c) => sum + c[key] * c.support, 0) / rows;
  const metrics: Record<string, number> = {
    accuracy: hits / rows,
    balanced_accuracy: macro(present, 'recall'),
    precision_macro: macro(occurring, 'precision'),
    recall_macro: macro(occurring, 'recall'),
    f1_macro: macro(occurring, 'f1'),
    precision_weighted: weighted('precision'),
    recall_weighted: weighted('recall'),
    f1_weighted: weighted('f1'),
  };
  const positive = classes.length === 2 ? classes[1] : undefined;
  if (positive !== undefined) {
    metrics['precision'] = positive.precision;
    metrics['recall'] = positive.recall;
    metrics['f1'] = positive.f1;
  }
  return metrics;
}
