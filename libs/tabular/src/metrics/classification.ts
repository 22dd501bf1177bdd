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
   * undefined (no rows; roc_auc of one class) is left out.
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
  const rows: number[] = [];
  for (let i = 0; i < truth.length; i++) {
    if (truth[i]! >= k) {
      throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `Row ${i} has class ${truth[i]} of ${k} labels.`);
    }
    if (truth[i]! >= 0) rows.push(i);
  }
  const probability = (row: number, label: number): number => {
    if (width === k) return probabilities[row * k + label]!;
    return label === 1 ? probabilities[row]! : 1 - probabilities[row]!;
  };
  const classes = Int32Array.from(rows, (row) => truth[row]!);
  const predicted = Int32Array.from(rows, (row) => {
    let best = 0;
    for (let label = 1; label < k; label++)
      if (probability(row, label) > probability(row, best)) best = label;
    return best;
  });
  const confusion = confusionMatrix(labels, classes, predicted);
  const scored: ScoredRows = {
    labels,
    classes,
    predicted,
    probabilities: Float64Array.from({ length: rows.length * k }, (_, at) =>
      probability(rows[Math.floor(at / k)]!, at % k),
    ),
    ...(input.weights === undefined
      ? {}
      : { weights: Float64Array.from(rows, (row) => input.weights![row]!) }),
  };
  const metrics = {
    ...(scored.weights === undefined
      ? {
          ...confusionMetrics(confusion),
          ...probabilityLosses(rows, classes, k, probability),
          roc_auc: meanAuc(rows, classes, k, probability),
        }
      : weightedMetrics(scored)),
    ...agreementMetrics(scored),
    ...classMetrics(scored),
  };
  return { rows: rows.length, metrics: definedOnly(metrics), confusion, perClass: classQualities(confusion) };
}

type Probability = (row: number, label: number) => number;

function probabilityLosses(
  rows: readonly number[],
  classes: Int32Array,
  k: number,
  probability: Probability,
): { log_loss: number; brier: number } {
  let loss = 0;
  let squares = 0;
  rows.forEach((row, i) => {
    let sum = 0;
    for (let label = 0; label < k; label++) {
      const p = probability(row, label);
      sum += p;
      if (k > 2 || label === 1) squares += (p - (label === classes[i] ? 1 : 0)) ** 2;
    }
    const p = probability(row, classes[i]!) / (sum > 0 ? sum : 1);
    loss -= Math.log(Math.min(1 - SMALLEST, Math.max(SMALLEST, p)));
  });
  return { log_loss: loss / rows.length, brier: squares / rows.length };
}

function meanAuc(rows: readonly number[], classes: Int32Array, k: number, probability: Probability): number {
  const areas: number[] = [];
  for (let label = k === 2 ? 1 : 0; label < k; label++) {
    const area = rocAuc(
      Uint8Array.from(classes, (c) => (c === label ? 1 : 0)),
      Float64Array.from(rows, (row) => probability(row, label)),
    );
    if (!Number.isNaN(area)) areas.push(area);
  }
  return areas.reduce((sum, area) => sum + area, 0) / areas.length;
}

/** Only the metrics that are numbers. */
export function definedOnly(metrics: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(metrics).filter(([, value]) => !Number.isNaN(value)));
}
