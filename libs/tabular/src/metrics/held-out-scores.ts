import {
  cohenKappaScore,
  matthewsCorrcoef,
  accuracyScore,
  balancedAccuracyScore,
} from './class-agreement.js';
import { classMetricSuffixes } from './class-metric-names.js';
import { averageScores, binaryScores, classScores } from './precision-recall.js';
import { brierScore, calibrationError, logLoss, topLabelCalibration } from './probability-scores.js';
import type { CalibrationInput } from './probability-scores.js';
import { averagePrecision, multiclassAveragePrecision, multiclassRocAuc, weightedRocAuc } from './ranking.js';

/** Held-out rows with a truth, and what a classifier said of them. */
export interface ScoredRows {
  readonly labels: readonly string[];
  /** Class of each row. */
  readonly classes: Int32Array;
  readonly predicted: Int32Array;
  /** rows × labels, row by row. */
  readonly probabilities: Float64Array;
  /** Default 1 each. */
  readonly weights?: Float64Array;
}

/** Metrics that both weighted and plain evaluations have in this form; NaN where undefined. */
export function agreementMetrics(scored: ScoredRows): Record<string, number> {
  const { labels, classes: truth, predicted } = scored;
  const classes = labels.length;
  const weights = weightsOf(scored);
  const predictions = { truth, predicted, classes, ...weights };
  const probabilities = { truth, probabilities: scored.probabilities, classes, ...weights };
  const micro = averageScores(predictions, 'micro');
  const metrics: Record<string, number> = {
    precision_micro: micro.precision,
    recall_micro: micro.recall,
    f1_micro: micro.fscore,
    mcc: matthewsCorrcoef(predictions),
    cohen_kappa: cohenKappaScore(predictions),
  };
  if (truth.length === 0) return metrics;
  if (classes === 2) {
    const positive = positiveRows(scored);
    metrics['pr_auc'] = positive.positive.includes(1) ? averagePrecision(positive) : NaN;
    metrics['ece'] = expectedCalibrationError({
      positive: positive.positive,
      probabilities: positive.scores,
      ...weights,
    });
    return metrics;
  }
  const seen = new Set(truth);
  // Only where every class has a row are the means over all classes defined.
  metrics['pr_auc'] = seen.size === classes ? multiclassAveragePrecision(probabilities) : NaN;
  metrics['roc_auc_ovr'] =
    seen.size === classes ? multiclassRocAuc(probabilities, { multiClass: 'ovr', average: 'macro' }) : NaN;
  const { weights: _, ...unweighted } = probabilities as typeof probabilities & { weights?: Float64Array };
  metrics['roc_auc_ovo'] =
    seen.size === classes ? multiclassRocAuc(unweighted, { multiClass: 'ovo', average: 'macro' }) : NaN;
  metrics['ece'] = expectedCalibrationError(topLabelCalibration(probabilities));
  return metrics;
}

/** NaN where an output is no probability: what a replica captured may be anything, and the other metrics stand. */
function expectedCalibrationError(input: CalibrationInput): number {
  const { probabilities } = input;
  for (let i = 0; i < probabilities.length; i++) {
    if (!(probabilities[i]! >= 0 && probabilities[i]! <= 1)) return NaN;
  }
  return calibrationError(input).expected;
}

/** Precision, recall and F1 of each class; a class that occurs neither in truth nor in predictions is undefined. */
export function classMetrics(scored: ScoredRows): Record<string, number> {
  const { labels, classes: truth, predicted } = scored;
  const metrics: Record<string, number> = {};
  const suffixes = classMetricSuffixes(labels);
  if (suffixes.length === 0) return metrics;
  const scores = classScores(
    { truth, predicted, classes: labels.length, ...weightsOf(scored) },
    { labels: labels.map((_, k) => k), zeroDivision: 0 },
  );
  for (const { label, precision, recall, fscore, support, predicted: claimed } of scores) {
    const defined = support + claimed > 0;
    metrics[`precision${suffixes[label]!}`] = defined ? precision : NaN;
    metrics[`recall${suffixes[label]!}`] = defined ? recall : NaN;
    metrics[`f1${suffixes[label]!}`] = defined ? fscore : NaN;
  }
  return metrics;
}

/** What a plain evaluation takes from the confusion matrix and the probabilities, with a weight for each row. */
export function weightedMetrics(scored: ScoredRows): Record<string, number> {
  const { labels, classes: truth, predicted } = scored;
  const classes = labels.length;
  const weights = weightsOf(scored);
  const predictions = { truth, predicted, classes, ...weights };
  const rescaled = { truth, probabilities: unitRows(scored.probabilities, classes), classes, ...weights };
  const plain = { ...rescaled, probabilities: scored.probabilities };
  const macro = averageScores(predictions, 'macro');
  const weighted = averageScores(predictions, 'weighted');
  const seen = new Set(truth).size;
  const binary = binaryScores(predictions);
  return {
    accuracy: accuracyScore(predictions),
    balanced_accuracy: balancedAccuracyScore(predictions),
    precision_macro: macro.precision,
    recall_macro: macro.recall,
    f1_macro: macro.fscore,
    precision_weighted: weighted.precision,
    recall_weighted: weighted.recall,
    f1_weighted: weighted.fscore,
    ...(classes === 2 ? { precision: binary.precision, recall: binary.recall, f1: binary.fscore } : {}),
    log_loss: logLoss(rescaled),
    brier: brierScore(plain),
    roc_auc:
      classes === 2
        ? weightedRocAuc(positiveRows(scored))
        : seen === classes
          ? multiclassRocAuc(plain, { multiClass: 'ovr', average: 'macro' })
          : NaN,
  };
}

function weightsOf({ weights }: ScoredRows): { weights?: Float64Array } {
  return weights === undefined ? {} : { weights };
}

/** The second class against the first. */
function positiveRows(scored: ScoredRows): {
  positive: Uint8Array;
  scores: Float64Array;
  weights?: Float64Array;
} {
  const { classes, probabilities } = scored;
  return {
    positive: new Uint8Array(classes.map((c) => (c === 1 ? 1 : 0))),
    scores: probabilities.filter((_, at) => at % 2 === 1),
    ...weightsOf(scored),
  };
}

function unitRows(probabilities: Float64Array, classes: number): Float64Array {
  const out = Float64Array.from(probabilities);
  for (let at = 0; at < out.length; at += classes) {
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += out[at + c]!;
    if (sum > 0) for (let c = 0; c < classes; c++) out[at + c]! /= sum;
  }
  return out;
}
