import type { ConfusionMatrix } from '../metrics/confusion.js';
import { weightedConfusion } from '../metrics/label-counts.js';

/** A confusion matrix of no rows. */
export function emptyConfusion(labels: readonly string[]): ConfusionMatrix {
  return { labels, counts: labels.map(() => labels.map(() => 0)) };
}

/**
 * The matrix with a chunk of rows added; rows with a negative truth are left out. Merge matrices of different
 * chunks with sumConfusions, and take metrics with confusionMetrics: unweighted counts are exact in any
 * chunking. Throws RK_TABULAR_ARGUMENT_INVALID for a code of no label.
 */
export function addToConfusion(
  matrix: ConfusionMatrix,
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  weights?: ArrayLike<number>,
): ConfusionMatrix {
  const classes = matrix.labels.length;
  const chunk = weightedConfusion({
    truth,
    predicted,
    classes,
    ...(weights === undefined ? {} : { weights }),
  });
  return {
    labels: matrix.labels,
    counts: matrix.counts.map((row, t) => row.map((count, p) => count + chunk[t]![p]!)),
  };
}
