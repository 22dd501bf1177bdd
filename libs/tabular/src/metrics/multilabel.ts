import { TabularError } from '../tabular-error.js';
import { thresholdAt } from '../transform/label-sets.js';
import type { LabelThreshold } from '../transform/label-sets.js';
import { multilabelHammingLoss, multilabelSubsetAccuracy } from './class-agreement.js';
import { definedOnly } from './classification.js';
import { classMetricSuffixes } from './class-metric-names.js';
import { weightOf } from './label-counts.js';
import { averageMultilabelScores, multilabelScores } from './precision-recall.js';
import { averagePrecision, multilabelAveragePrecision, multilabelRocAuc, weightedRocAuc } from './ranking.js';

export interface MultilabelInput {
  readonly labels: readonly string[];
  /** rows × labels, row by row: 0 or 1. */
  readonly truth: ArrayLike<number>;
  /** rows × labels, row by row. */
  readonly probabilities: ArrayLike<number>;
  /** A label is predicted where its probability is above this. */
  readonly threshold: LabelThreshold;
  /** Of the rows in the metrics (the counts of labels count rows). Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

/** Rows by truth and prediction of one label. */
export interface LabelConfusion {
  readonly label: string;
  readonly trueNegatives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
  readonly truePositives: number;
}

export interface MultilabelEvaluation {
  readonly rows: number;
  /**
   * subset_accuracy, hamming_loss, precision/recall/f1 (_micro, _macro, _weighted, _samples, _of_<label>), roc_auc and
   * pr_auc (_micro, _macro, _weighted, _of_<label>), log_loss, brier. What is undefined is left out.
   */
  readonly metrics: Record<string, number>;
  readonly confusion: readonly LabelConfusion[];
}

/**
 * Evaluate the probabilities of sets of labels. The definitions are scikit-learn's for indicator matrices; a ratio without
 * a denominator is 0. log_loss and brier are the means over the labels of those of each label alone. Areas under curves are
 * undefined where a label has no row, or (ROC) none without it: the averages over labels then are too (a label without a row
 * does not count in the weighted ones).
 */
export function evaluateMultilabel(input: MultilabelInput): MultilabelEvaluation {
  const { labels, truth, probabilities, threshold } = input;
  const width = labels.length;
  const rows = truth.length / width;
  if (width === 0 || !Number.isInteger(rows) || probabilities.length !== truth.length) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${probabilities.length} probabilities do not suit ${truth.length} flags of ${width} labels.`,
    );
  }
  const predicted = Uint8Array.from(probabilities, (p, at) =>
    p > thresholdAt(threshold, at % width) ? 1 : 0,
  );
  const confusion = labelConfusions(labels, truth, predicted);
  // Rows that all weigh nothing are as no rows: a ratio of nothing is no score of 0.
  const { weights: given } = input;
  if (rows === 0 || (given !== undefined && Array.from(given).every((weight) => weight === 0))) {
    return { rows, metrics: {}, confusion };
  }
  const weights = input.weights === undefined ? {} : { weights: input.weights };
  const sets = { truth, predicted, labels: width, ...weights };
  const metrics: Record<string, number> = {
    subset_accuracy: multilabelSubsetAccuracy(sets),
    hamming_loss: multilabelHammingLoss(sets),
    ...probabilityLosses(input),
  };
  for (const average of ['micro', 'macro', 'weighted', 'samples'] as const) {
    const { precision, recall, fscore } = averageMultilabelScores(sets, average);
    metrics[`precision_${average}`] = precision;
    metrics[`recall_${average}`] = recall;
    metrics[`f1_${average}`] = fscore;
  }
  const scored = { truth, scores: probabilities, labels: width, ...weights };
  const everyLabel = confusion.every(hasPositives);
  for (const average of ['micro', 'macro', 'weighted'] as const) {
    metrics[`roc_auc_${average}`] = multilabelRocAuc(scored, average);
    // A label without a row has no weight: only the plain mean needs one of each.
    const defined = average === 'macro' ? everyLabel : confusion.some(hasPositives);
    metrics[`pr_auc_${average}`] = defined ? multilabelAveragePrecision(scored, average) : NaN;
  }
  return {
    rows,
    metrics: definedOnly({ ...metrics, ...labelMetrics(input, predicted, confusion) }),
    confusion,
  };
}

/** Names of the metrics of single labels. */
export function labelMetricNames(labels: readonly string[]): string[] {
  return classMetricSuffixes(labels).flatMap((suffix) =>
    ['precision', 'recall', 'f1', 'roc_auc', 'pr_auc'].map((metric) => `${metric}${suffix}`),
  );
}

/** Sum of the counts of each label (the folds of one run). All have the same labels. */
export function sumLabelConfusions(folds: readonly (readonly LabelConfusion[])[]): LabelConfusion[] {
  return (folds[0] ?? []).map(({ label }, k) => {
    const sum = (count: Exclude<keyof LabelConfusion, 'label'>): number =>
      folds.reduce((total, fold) => total + fold[k]![count], 0);
    return {
      label,
      trueNegatives: sum('trueNegatives'),
      falsePositives: sum('falsePositives'),
      falseNegatives: sum('falseNegatives'),
      truePositives: sum('truePositives'),
    };
  });
}

function labelConfusions(
  labels: readonly string[],
  truth: ArrayLike<number>,
  predicted: Uint8Array,
): LabelConfusion[] {
  const width = labels.length;
  return labels.map((label, k) => {
    // By truth and prediction: 00, 01, 10, 11.
    const counts: [number, number, number, number] = [0, 0, 0, 0];
    for (let at = k; at < predicted.length; at += width) counts[(truth[at] ? 2 : 0) + predicted[at]!]!++;
    const [trueNegatives, falsePositives, falseNegatives, truePositives] = counts;
    return { label, trueNegatives, falsePositives, falseNegatives, truePositives };
  });
}

function hasPositives({ falseNegatives, truePositives }: LabelConfusion): boolean {
  return falseNegatives + truePositives > 0;
}

function probabilityLosses(input: MultilabelInput): { log_loss: number; brier: number } {
  const { truth, probabilities, labels, weights } = input;
  let loss = 0;
  let squares = 0;
  let total = 0;
  for (let at = 0; at < truth.length; at++) {
    const weight = weightOf(weights, Math.floor(at / labels.length));
    const own = truth[at] ? probabilities[at]! : 1 - probabilities[at]!;
    loss -= weight * Math.log(Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, own)));
    squares += weight * (1 - own) ** 2;
    total += weight;
  }
  return { log_loss: loss / total, brier: squares / total };
}

/** Scores of each label; a label that occurs neither in truth nor in predictions is undefined. */
function labelMetrics(
  input: MultilabelInput,
  predicted: Uint8Array,
  confusion: readonly LabelConfusion[],
): Record<string, number> {
  const { labels, truth, probabilities } = input;
  const weights = input.weights === undefined ? {} : { weights: input.weights };
  const suffixes = classMetricSuffixes(labels);
  const metrics: Record<string, number> = {};
  if (suffixes.length === 0) return metrics;
  const width = labels.length;
  const scores = multilabelScores({ truth, predicted, labels: width, ...weights });
  for (const { label: k, precision, recall, fscore, support, predicted: claimed } of scores) {
    const suffix = suffixes[k]!;
    const defined = support + claimed > 0;
    metrics[`precision${suffix}`] = defined ? precision : NaN;
    metrics[`recall${suffix}`] = defined ? recall : NaN;
    metrics[`f1${suffix}`] = defined ? fscore : NaN;
    const own = {
      positive: Array.from({ length: truth.length / width }, (_, row) => truth[row * width + k]!),
      scores: Array.from({ length: truth.length / width }, (_, row) => probabilities[row * width + k]!),
      ...weights,
    };
    metrics[`roc_auc${suffix}`] = weightedRocAuc(own);
    metrics[`pr_auc${suffix}`] = hasPositives(confusion[k]!) ? averagePrecision(own) : NaN;
  }
  return metrics;
}
