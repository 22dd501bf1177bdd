import { TabularError } from '../tabular-error.js';
import { classQualities, confusionMatrix, confusionMetrics } from './confusion.js';
import type { ClassQuality, ConfusionMatrix } from './confusion.js';
import { agreementMetrics, classMetrics, weightedMetrics } from './held-out-scores.js';
import type { ScoredRows } from './held-out-scores.js';
import { rocAuc } from './roc-auc.js';

/** Smallest probability of the log loss: float64's ε, as scikit-learn clips. */
const SMALLEST = Number.EPSILON;

export interface ClassificationInput {
  readonly labels: readonly string[];
  /** Class codes; rows with a negative one (missing) are left out. */
  readonly truth: Int32Array | readonly number[];
  /** rows × labels, row by row; or one number a row for two labels: the probability of the second. */
  readonly probabilities: Float32Array | Float64Array | readonly number[];
  /** Of the rows in the metrics (the confusion matrix counts rows). Default 1 each. */
  readonly weights?: ArrayLike<number>;
}

export interface ClassificationEvaluation {
  /** Rows with a truth. */
  readonly rows: number;
  /**
   * accuracy, balanced_accuracy, precision/recall/f1 (_micro, _macro, _weighted, _of_<label>; plain for two labels: of the
   * second), log_loss, brier, ece, mcc, cohen_kappa, roc_auc, pr_auc, and for more labels roc_auc_ovr, roc_auc_ovo. What is
   * undefined (no rows, or none of weight; roc_auc of one class) is left out.
   */
  readonly metrics: Record<string, number>;
  readonly confusion: ConfusionMatrix;
  readonly perClass: readonly ClassQuality[];
}

/**
 * Evaluate probabilities. The prediction is the first largest probability. log_loss clips at ε and renormalises rows;
 * brier is the mean squared distance from the one-hot truth (for two labels: of the second one's probability only);
 * roc_auc is that of the second label, or for more labels the mean one-vs-rest over the classes that have both
 * positive and negative rows (roc_auc_ovr: undefined unless all have); pr_auc is the average precision (for more labels:
 * the mean one-vs-rest); ece is the expected calibration error over ten bins of equal width, of the second label's
 * probability, or for more labels of the largest one.
 */
export function evaluateClassification(input: ClassificationInput): ClassificationEvaluation {
  const { labels, truth, probabilities } = input;
  const k = labels.length;
  const width = truth.length === 0 ? k : probabilities.length / truth.length;
  if (k < 2 || (width !== k && !(width === 1 && k === 2))) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `${probabilities.length} probabilities do not suit ${truth.length} rows of ${k} labels.`,
    );
  }
  const kept = new Uint32Array(truth.length);
  let count = 0;
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! >= k) {
      throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `Row ${i} has class ${truth[i]} of ${k} labels.`);
    }
    if (truth[i]! >= 0) kept[count++] = i;
  }
  const rows = kept.subarray(0, count);
  const classes = new Int32Array(count);
  const predicted = new Int32Array(count);
  const scores = new Float64Array(count * k);
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    classes[i] = truth[row]!;
    let best = 0;
    for (let label = 0; label < k; label++) {
      // One number a row is the probability of the second of two labels.
      const p =
        width === k
          ? probabilities[row * k + label]!
          : label === 1
            ? probabilities[row]!
            : 1 - probabilities[row]!;
      scores[i * k + label] = p;
      if (p > scores[i * k + best]!) best = label;
    }
    predicted[i] = best;
  }
  const confusion = confusionMatrix(labels, classes, predicted);
  const scored: ScoredRows = {
    labels,
    classes,
    predicted,
    probabilities: scores,
    ...(input.weights === undefined
      ? {}
      : { weights: Float64Array.from(rows, (row) => input.weights![row]!) }),
  };
  // Rows that all weigh nothing are as no rows: a ratio of nothing is no score of 0.
  if (scored.weights?.every((weight) => weight === 0) === true) {
    return { rows: rows.length, metrics: {}, confusion, perClass: classQualities(confusion) };
  }
  const metrics = {
    ...(scored.weights === undefined
      ? {
          ...confusionMetrics(confusion),
          ...probabilityLosses(classes, k, scores),
          roc_auc: meanAuc(classes, k, scores),
        }
      : weightedMetrics(scored)),
    ...agreementMetrics(scored),
    ...classMetrics(scored),
  };
  return { rows: rows.length, metrics: definedOnly(metrics), confusion, perClass: classQualities(confusion) };
}

function probabilityLosses(
  classes: Int32Array,
  k: number,
  probabilities: Float64Array,
): { log_loss: number; brier: number } {
  let loss = 0;
  let squares = 0;
  for (let i = 0; i < classes.length; i++) {
    let sum = 0;
    for (let label = 0; label < k; label++) {
      const p = probabilities[i * k + label]!;
      sum += p;
      if (k > 2 || label === 1) squares += (p - (label === classes[i] ? 1 : 0)) ** 2;
    }
    const p = probabilities[i * k + classes[i]!]! / (sum > 0 ? sum : 1);
    loss -= Math.log(Math.min(1 - SMALLEST, Math.max(SMALLEST, p)));
  }
  return { log_loss: loss / classes.length, brier: squares / classes.length };
}

function meanAuc(classes: Int32Array, k: number, probabilities: Float64Array): number {
  const areas: number[] = [];
  const positive = new Uint8Array(classes.length);
  const scores = new Float64Array(classes.length);
  for (let label = k === 2 ? 1 : 0; label < k; label++) {
    for (let i = 0; i < classes.length; i++) {
      positive[i] = classes[i] === label ? 1 : 0;
      scores[i] = probabilities[i * k + label]!;
    }
    const area = rocAuc(positive, scores);
    if (!Number.isNaN(area)) areas.push(area);
  }
  return areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/** Only the metrics that are numbers. */
export function definedOnly(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => !Number.isNaN(value)));
}
