import { TabularError } from '../tabular-error.js';
import { countsOfConfusion, multilabelRows, weightOf, weightedConfusion } from './label-counts.js';
import type { ClassPredictions, MultilabelPredictions } from './label-counts.js';

/** Share of (weighted) rows predicted right; NaN without rows. As scikit-learn 1.9.1 `accuracy_score`. */
export function accuracyScore(input: ClassPredictions): number {
  const confusion = weightedConfusion(input);
  return trace(confusion) / total(confusion);
}

/** Share of rows predicted wrong: `zero_one_loss` and, for classes, `hamming_loss`. */
export function zeroOneLoss(input: ClassPredictions): number {
  return 1 - accuracyScore(input);
}

/**
 * Mean recall of the classes in the truth; `adjusted`: 0 at chance, 1 at best. As scikit-learn 1.9.1
 * `balanced_accuracy_score`.
 */
export function balancedAccuracyScore(
  input: ClassPredictions,
  options: { readonly adjusted?: boolean } = {},
): number {
  const recalls = countsOfConfusion(weightedConfusion(input)).flatMap(({ hits, support }) =>
    support > 0 ? [hits / support] : [],
  );
  const score = recalls.reduce((a, b) => a + b, 0) / recalls.length;
  const chance = 1 / recalls.length;
  return options.adjusted === true ? (score - chance) / (1 - chance) : score;
}

/**
 * Matthews' correlation of truth and predictions, for any number of classes; 0 where either is constant. As
 * scikit-learn 1.9.1 `matthews_corrcoef`.
 */
export function matthewsCorrcoef(input: ClassPredictions): number {
  const confusion = weightedConfusion(input);
  const counts = countsOfConfusion(confusion);
  const n = total(confusion);
  const dot = (a: 'support' | 'predicted', b: 'support' | 'predicted'): number =>
    counts.reduce((sum, count) => sum + count[a] * count[b], 0);
  const spread = (n * n - dot('predicted', 'predicted')) * (n * n - dot('support', 'support'));
  return spread === 0 ? 0 : (trace(confusion) * n - dot('support', 'predicted')) / Math.sqrt(spread);
}

/**
 * Cohen's kappa, agreement beyond chance; `weighting` counts disagreements by their distance in codes or its
 * square. Codes that do not occur do not count as distance, as in scikit-learn 1.9.1 `cohen_kappa_score`; NaN
 * where undefined (one class only).
 */
export function cohenKappaScore(
  input: ClassPredictions,
  options: { readonly weighting?: 'linear' | 'quadratic' } = {},
): number {
  const confusion = weightedConfusion(input);
  const counts = countsOfConfusion(confusion);
  const seen = new Set<number>();
  for (let i = 0; i < input.truth.length; i++) {
    if (input.truth[i]! >= 0) seen.add(input.truth[i]!).add(input.predicted[i]!);
  }
  const labels = [...seen].sort((a, b) => a - b);
  const n = total(confusion);
  let observed = 0;
  let expected = 0;
  labels.forEach((t, i) => {
    labels.forEach((p, j) => {
      const distance = Math.abs(i - j);
      const cost =
        options.weighting === undefined
          ? Number(i !== j)
          : options.weighting === 'linear'
            ? distance
            : distance ** 2;
      observed += cost * confusion[t]![p]!;
      expected += (cost * counts[t]!.support * counts[p]!.predicted) / n;
    });
  });
  return expected > 0 ? 1 - observed / expected : NaN;
}

/** Share of (row, label) pairs that differ, of sets of labels. As scikit-learn 1.9.1 `hamming_loss`. */
export function multilabelHammingLoss(input: MultilabelPredictions): number {
  const { truth, predicted, labels, weights } = input;
  const rows = multilabelRows(input);
  let different = 0;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const weight = weightOf(weights, i);
    sum += weight;
    for (let k = 0; k < labels; k++) {
      if (Boolean(truth[i * labels + k]) !== Boolean(predicted[i * labels + k])) different += weight;
    }
  }
  return different / (sum * labels);
}

/**
 * Share of rows whose set of labels is predicted exactly. As scikit-learn 1.9.1 `accuracy_score` of indicator
 * matrices.
 */
export function multilabelSubsetAccuracy(input: MultilabelPredictions): number {
  const { truth, predicted, labels, weights } = input;
  const rows = multilabelRows(input);
  let right = 0;
  let sum = 0;
  for (let i = 0; i < rows; i++) {
    const weight = weightOf(weights, i);
    sum += weight;
    let equal = true;
    for (let k = 0; k < labels && equal; k++) {
      equal = Boolean(truth[i * labels + k]) === Boolean(predicted[i * labels + k]);
    }
    if (equal) right += weight;
  }
  return right / sum;
}

/**
 * Weight of each class that gives all classes the same total: n / (classes that occur · rows of the class); 0
 * for a class without rows. As scikit-learn 1.9.1 `compute_class_weight('balanced')`. Negative codes are left
 * out.
 */
export function balancedClassWeights(codes: ArrayLike<number>, classes?: number): Float64Array {
  let size = classes ?? 0;
  for (let i = 0; classes === undefined && i < codes.length; i++) size = Math.max(size, codes[i]! + 1);
  const counts = new Float64Array(size);
  let n = 0;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! < 0) continue;
    if (!(codes[i]! < size)) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `Row ${i} has class ${codes[i]} of ${size} classes.`,
      );
    }
    counts[codes[i]!]!++;
    n++;
  }
  const present = counts.filter((count) => count > 0).length;
  return counts.map((count) => (count === 0 ? 0 : n / (present * count)));
}

/**
 * Weight of each row by its class's balanced weight; 0 for rows with a negative code. As
 * `compute_sample_weight('balanced')`.
 */
export function balancedSampleWeights(codes: ArrayLike<number>): Float64Array {
  const weights = balancedClassWeights(codes);
  return Float64Array.from({ length: codes.length }, (_, i) => (codes[i]! < 0 ? 0 : weights[codes[i]!]!));
}

function trace(confusion: readonly (readonly number[])[]): number {
  return confusion.reduce((sum, row, k) => sum + row[k]!, 0);
}

function total(confusion: readonly (readonly number[])[]): number {
  return confusion.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);
}
