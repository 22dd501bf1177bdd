import { TabularError } from '../tabular-error.js';
import { checkLengths, weightOf } from './label-counts.js';

/** Scores of one class against the rest: higher means more likely positive. */
export interface BinaryScoring {
  readonly positive: ArrayLike<boolean | number>;
  readonly scores: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

/** Scores of several classes or labels. */
export interface ClassScoring {
  /** Class codes; rows with a negative one are left out. */
  readonly truth: ArrayLike<number>;
  /** rows × classes, row by row. */
  readonly probabilities: ArrayLike<number>;
  readonly classes: number;
  readonly weights?: ArrayLike<number>;
}

/** Scores of sets of labels. */
export interface MultilabelScoring {
  /** rows × labels, 0 or 1. */
  readonly truth: ArrayLike<number | boolean>;
  /** rows × labels. */
  readonly scores: ArrayLike<number>;
  readonly labels: number;
  readonly weights?: ArrayLike<number>;
}

export type CurveAverage = 'macro' | 'weighted' | 'micro';

/** Weights above each threshold, from the highest score down: [false positives, true positives, thresholds]. */
function cumulative({ positive, scores, weights }: BinaryScoring): {
  fps: number[];
  tps: number[];
  thresholds: number[];
} {
  checkLengths(scores.length, [positive], weights);
  const order: number[] = [];
  for (let i = 0; i < scores.length; i++) if (weightOf(weights, i) > 0) order.push(i);
  order.sort((a, b) => scores[b]! - scores[a]!);
  const fps: number[] = [];
  const tps: number[] = [];
  const thresholds: number[] = [];
  let fp = 0;
  let tp = 0;
  order.forEach((row, i) => {
    if (positive[row]!) tp += weightOf(weights, row);
    else fp += weightOf(weights, row);
    if (i + 1 < order.length && scores[order[i + 1]!] === scores[row]) return;
    fps.push(fp);
    tps.push(tp);
    thresholds.push(scores[row]!);
  });
  return { fps, tps, thresholds };
}

/** A ROC curve, from (0, 0) to (1, 1). */
export interface RocCurve {
  readonly fpr: readonly number[];
  readonly tpr: readonly number[];
  /** The first is ∞. */
  readonly thresholds: readonly number[];
}

/**
 * Every point of the ROC curve, one a distinct score: scikit-learn 1.9.1
 * `roc_curve(drop_intermediate=False)`. Rates without rows are NaN.
 */
export function rocCurve(input: BinaryScoring): RocCurve {
  const { fps, tps, thresholds } = cumulative(input);
  const negatives = fps.at(-1) ?? 0;
  const positives = tps.at(-1) ?? 0;
  return {
    fpr: [0, ...fps].map((fp) => (negatives > 0 ? fp / negatives : NaN)),
    tpr: [0, ...tps].map((tp) => (positives > 0 ? tp / positives : NaN)),
    thresholds: [Infinity, ...thresholds],
  };
}

/**
 * Weighted area under the ROC curve; NaN where one side has no weight. With `maxFpr` below 1 the area up to
 * it, standardised to 0.5 at chance and 1 at best (McClish 1989). As scikit-learn 1.9.1 `roc_auc_score`.
 */
export function weightedRocAuc(input: BinaryScoring, options: { readonly maxFpr?: number } = {}): number {
  const { fpr, tpr } = rocCurve(input);
  const limit = options.maxFpr ?? 1;
  if (!(limit > 0 && limit <= 1)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `maxFpr must be above 0 and at most 1; it is ${limit}.`,
    );
  }
  if (Number.isNaN(fpr[0]!) || Number.isNaN(tpr[0]!)) return NaN;
  let area = 0;
  for (let i = 1; i < fpr.length && fpr[i - 1]! < limit; i++) {
    const [x0, x1, y0] = [fpr[i - 1]!, fpr[i]!, tpr[i - 1]!];
    const end = Math.min(x1, limit);
    const y = x1 > limit ? y0 + ((tpr[i]! - y0) / (x1 - x0)) * (limit - x0) : tpr[i]!;
    area += ((end - x0) * (y0 + y)) / 2;
  }
  if (limit === 1) return area;
  const least = limit ** 2 / 2;
  return 0.5 * (1 + (area - least) / (limit - least));
}

/**
 * Precision and recall at each threshold, as scikit-learn 1.9.1 `precision_recall_curve`: recall falls, and
 * the last point is (1, 0).
 */
export interface PrecisionRecallCurve {
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  /** Ascending, one less than points. */
  readonly thresholds: readonly number[];
}

/** See PrecisionRecallCurve. Without positive rows recall is 1. */
export function precisionRecallCurve(input: BinaryScoring): PrecisionRecallCurve {
  const { fps, tps, thresholds } = cumulative(input);
  const positives = tps.at(-1) ?? 0;
  return {
    precision: [...tps.map((tp, i) => (tp + fps[i]! > 0 ? tp / (tp + fps[i]!) : 0)).reverse(), 1],
    recall: [...tps.map((tp) => (positives === 0 ? 1 : tp / positives)).reverse(), 0],
    thresholds: thresholds.reverse(),
  };
}

/**
 * Area under the precision-recall curve as a step function, Σ (Rₙ − Rₙ₋₁) Pₙ (not interpolated); 0 without
 * positive rows. As scikit-learn 1.9.1 `average_precision_score`.
 */
export function averagePrecision(input: BinaryScoring): number {
  const { precision, recall } = precisionRecallCurve(input);
  let area = 0;
  for (let i = 0; i + 1 < recall.length; i++) area += (recall[i]! - recall[i + 1]!) * precision[i]!;
  return Math.max(0, area);
}

/**
 * ROC AUC of several classes, as scikit-learn 1.9.1 `roc_auc_score(multi_class=…, labels=range(classes))`.
 * 'ovr': each class against the rest, averaged as asked (NaN where a class has no row). 'ovo' (Hand and Till
 * 2001): the mean over pairs of classes that occur, 'weighted' by their rows; it takes no row weights.
 */
export function multiclassRocAuc(
  input: ClassScoring,
  options: { readonly multiClass?: 'ovr' | 'ovo'; readonly average?: CurveAverage } = {},
): number {
  const average = options.average ?? 'macro';
  if (options.multiClass !== 'ovo') return averagedCurve(oneHotScoring(input), average, weightedRocAuc);
  if (input.weights !== undefined || average === 'micro') {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      'One-vs-one AUC has neither row weights nor a micro average; use one-vs-rest.',
    );
  }
  return oneVsOne(input, average);
}

/**
 * Average precision of several classes, each against the rest. As scikit-learn 1.9.1
 * `average_precision_score` of multiclass targets.
 */
export function multiclassAveragePrecision(input: ClassScoring, average: CurveAverage = 'macro'): number {
  return averagedCurve(oneHotScoring(input), average, averagePrecision);
}

/** ROC AUC of sets of labels. As scikit-learn 1.9.1 `roc_auc_score` of indicator matrices. */
export function multilabelRocAuc(input: MultilabelScoring, average: CurveAverage = 'macro'): number {
  return averagedCurve(input, average, weightedRocAuc);
}

/**
 * Average precision of sets of labels. As scikit-learn 1.9.1 `average_precision_score` of indicator matrices.
 */
export function multilabelAveragePrecision(
  input: MultilabelScoring,
  average: CurveAverage = 'macro',
): number {
  return averagedCurve(input, average, averagePrecision);
}

/**
 * Share of rows whose class is among the k largest probabilities; of equal ones the later classes count as
 * larger. As scikit-learn 1.9.1 `top_k_accuracy_score` of several classes.
 */
export function topKAccuracy(input: ClassScoring, k = 2): number {
  const { truth, probabilities, classes, weights } = input;
  checkScoring(input);
  let hits = 0;
  let total = 0;
  for (let row = 0; row < truth.length; row++) {
    const label = truth[row]!;
    if (label < 0) continue;
    const own = probabilities[row * classes + label]!;
    let above = 0;
    for (let c = 0; c < classes; c++) {
      const other = probabilities[row * classes + c]!;
      if (other > own || (other === own && c > label)) above++;
    }
    total += weightOf(weights, row);
    if (above < k) hits += weightOf(weights, row);
  }
  return hits / total;
}

function oneVsOne({ truth, probabilities, classes }: ClassScoring, average: CurveAverage): number {
  const members = Array.from({ length: classes }, (): number[] => []);
  for (let i = 0; i < truth.length; i++) if (truth[i]! >= 0) members[truth[i]!]!.push(i);
  let sum = 0;
  let total = 0;
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      const rows = [...members[a]!, ...members[b]!];
      if (members[a]!.length === 0 || members[b]!.length === 0) continue;
      const area = (label: number): number =>
        weightedRocAuc({
          positive: rows.map((row) => truth[row] === label),
          scores: rows.map((row) => probabilities[row * classes + label]!),
        });
      const weight = average === 'weighted' ? rows.length : 1;
      sum += (weight * (area(a) + area(b))) / 2;
      total += weight;
    }
  }
  return sum / total;
}

function averagedCurve(
  { truth, scores, labels, weights }: MultilabelScoring,
  average: CurveAverage,
  metric: (input: BinaryScoring) => number,
): number {
  const rows = scores.length / labels;
  checkLengths(scores.length, [truth], undefined);
  checkLengths(rows, [], weights);
  const withWeights = (w: ArrayLike<number> | undefined): { weights?: ArrayLike<number> } =>
    w === undefined ? {} : { weights: w };
  if (average === 'micro') {
    const repeated = weights && Float64Array.from(scores, (_, i) => weights[Math.floor(i / labels)]!);
    return metric({ positive: truth, scores, ...withWeights(repeated) });
  }
  let sum = 0;
  let total = 0;
  for (let k = 0; k < labels; k++) {
    const positive = Array.from({ length: rows }, (_, i) => Boolean(truth[i * labels + k]));
    const own = Float64Array.from({ length: rows }, (_, i) => scores[i * labels + k]!);
    const weight =
      average === 'macro'
        ? 1
        : positive.reduce((support, is, i) => support + (is ? weightOf(weights, i) : 0), 0);
    total += weight;
    // A label without weight has no say, though its score is NaN.
    if (weight > 0) sum += weight * metric({ positive, scores: own, ...withWeights(weights) });
  }
  return total > 0 ? sum / total : 0;
}

/** The truth as indicators, without rows that lack one. */
function oneHotScoring(input: ClassScoring): MultilabelScoring {
  checkScoring(input);
  const { truth, probabilities, classes, weights } = input;
  const rows = Array.from({ length: truth.length }, (_, i) => i).filter((i) => truth[i]! >= 0);
  const indicators = new Uint8Array(rows.length * classes);
  const scores = new Float64Array(rows.length * classes);
  rows.forEach((row, i) => {
    indicators[i * classes + truth[row]!] = 1;
    for (let c = 0; c < classes; c++) scores[i * classes + c] = probabilities[row * classes + c]!;
  });
  return {
    truth: indicators,
    scores,
    labels: classes,
    ...(weights === undefined ? {} : { weights: rows.map((row) => weights[row]!) }),
  };
}

function checkScoring({ truth, probabilities, classes, weights }: ClassScoring): void {
  checkLengths(truth.length, [], weights);
  let largest = -1;
  for (let i = 0; i < truth.length; i++) largest = Math.max(largest, truth[i]!);
  if (probabilities.length === truth.length * classes && largest < classes) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `${probabilities.length} probabilities do not suit ${truth.length} rows of ${classes} classes (largest code ${largest}).`,
  );
}
