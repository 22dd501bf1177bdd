import { TabularError } from '../tabular-error.js';
import { countsOfConfusion, multilabelCounts, occurringClasses, weightedConfusion } from './label-counts.js';
import type { ClassPredictions, LabelCounts, MultilabelPredictions } from './label-counts.js';

export interface PrecisionRecallOptions {
  /** Weight of recall against precision in the F score. Default 1. */
  readonly beta?: number;
  /** Value of a ratio without a denominator: 0 (default), 1, or NaN, which averages leave out. */
  readonly zeroDivision?: number;
  /** Classes to score. Default: those in truth or predictions (multi-label: all). */
  readonly labels?: readonly number[];
}

/** Scores of one class or an average. */
export interface PrecisionRecall {
  readonly precision: number;
  readonly recall: number;
  readonly fscore: number;
  /** Hits / (hits + misses + false alarms). */
  readonly jaccard: number;
}

/** Scores of one class, with its weight in truth and predictions. */
export interface LabelScores extends PrecisionRecall {
  readonly label: number;
  readonly support: number;
  readonly predicted: number;
}

/**
 * How the scores of classes become one: of all counts together, their mean, or their mean weighted by
 * support.
 */
export type ScoreAverage = 'micro' | 'macro' | 'weighted';

/**
 * Precision, recall, F and Jaccard score of each class, as scikit-learn 1.9.1
 * `precision_recall_fscore_support(average=None)` and `jaccard_score(average=None)`.
 */
export function classScores(input: ClassPredictions, options: PrecisionRecallOptions = {}): LabelScores[] {
  return pickedCounts(input, options).map(({ label, ...counts }) => ({
    label,
    ...scoresOf(counts, options),
    ...rest(counts),
  }));
}

/** One score over all classes, as scikit-learn with this `average`. */
export function averageScores(
  input: ClassPredictions,
  average: ScoreAverage,
  options: PrecisionRecallOptions = {},
): PrecisionRecall {
  return averaged(pickedCounts(input, options), average, options);
}

/**
 * Scores of the positive class of two, as scikit-learn's `average='binary'`. `positive` is its code, default
 * 1.
 */
export function binaryScores(
  input: ClassPredictions,
  options: Omit<PrecisionRecallOptions, 'labels'> & { readonly positive?: number } = {},
): PrecisionRecall {
  const positive = options.positive ?? 1;
  return averaged(pickedCounts(input, { ...options, labels: [positive] }), 'micro', options);
}

/** Scores of each label of sets of labels. */
export function multilabelScores(
  input: MultilabelPredictions,
  options: PrecisionRecallOptions = {},
): LabelScores[] {
  const counts = multilabelCounts(input);
  return labelsOf(options, counts.length).map((label) => ({
    label,
    ...scoresOf(counts[label]!, options),
    ...rest(counts[label]!),
  }));
}

/**
 * One score over all labels; 'samples' is the (weighted) mean over rows. As scikit-learn on a multi-label
 * indicator matrix.
 */
export function averageMultilabelScores(
  input: MultilabelPredictions,
  average: ScoreAverage | 'samples',
  options: PrecisionRecallOptions = {},
): PrecisionRecall {
  if (average !== 'samples') {
    const counts = multilabelCounts(input);
    return averaged(
      labelsOf(options, counts.length).map((label) => counts[label]!),
      average,
      options,
    );
  }
  const counts = multilabelCounts(input, true);
  const weights = input.weights === undefined ? undefined : Array.from(input.weights);
  return combine(
    counts.map((count) => scoresOf(count, options)),
    weights,
  );
}

function pickedCounts(
  input: ClassPredictions,
  options: PrecisionRecallOptions,
): (LabelCounts & { label: number })[] {
  const labels = options.labels ?? occurringClasses(input);
  const counts = countsOfConfusion(weightedConfusion(input));
  // A label that the matrix lacks has no rows.
  return labels.map((label) => ({ label, ...(counts[label] ?? { hits: 0, predicted: 0, support: 0 }) }));
}

function labelsOf(options: PrecisionRecallOptions, count: number): readonly number[] {
  const labels = options.labels ?? Array.from({ length: count }, (_, i) => i);
  if (labels.every((label) => Number.isInteger(label) && label >= 0 && label < count)) return labels;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `Labels must be from 0 to ${count - 1}; they are ${labels.join(', ')}.`,
  );
}

function rest({ support, predicted }: LabelCounts): { support: number; predicted: number } {
  return { support, predicted };
}

function scoresOf(
  { hits, predicted, support }: LabelCounts,
  options: PrecisionRecallOptions,
): PrecisionRecall {
  const undefinedRatio = options.zeroDivision ?? 0;
  const ratio = (top: number, bottom: number): number => (bottom === 0 ? undefinedRatio : top / bottom);
  const beta2 = (options.beta ?? 1) ** 2;
  const precision = ratio(hits, predicted);
  const recall = ratio(hits, support);
  const fscore =
    beta2 === Infinity
      ? recall
      : beta2 === 0
        ? precision
        : ratio((1 + beta2) * hits, beta2 * support + predicted);
  return { precision, recall, fscore, jaccard: ratio(hits, predicted + support - hits) };
}

function averaged(
  counts: readonly LabelCounts[],
  average: ScoreAverage,
  options: PrecisionRecallOptions,
): PrecisionRecall {
  if (average === 'micro') {
    const sum = (key: keyof LabelCounts): number => counts.reduce((total, count) => total + count[key], 0);
    return scoresOf({ hits: sum('hits'), predicted: sum('predicted'), support: sum('support') }, options);
  }
  const scores = counts.map((count) => scoresOf(count, options));
  return combine(scores, average === 'weighted' ? counts.map(({ support }) => support) : undefined);
}

function combine(
  scores: readonly PrecisionRecall[],
  weights: readonly number[] | undefined,
): PrecisionRecall {
  const mean = (key: keyof PrecisionRecall): number =>
    nanMean(
      scores.map((score) => score[key]),
      weights,
    );
  return {
    precision: mean('precision'),
    recall: mean('recall'),
    fscore: mean('fscore'),
    jaccard: mean('jaccard'),
  };
}

/** Mean of the values that are not NaN; unweighted over all where the weights are all 0. */
function nanMean(values: readonly number[], weights: readonly number[] | undefined): number {
  let sum = 0;
  let total = 0;
  values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const weight = weights === undefined ? 1 : weights[i]!;
    sum += weight * value;
    total += weight;
  });
  if (total > 0) return sum / total;
  return values.every((value) => Number.isNaN(value))
    ? NaN
    : values.reduce((a, b) => a + b, 0) / values.length;
}
