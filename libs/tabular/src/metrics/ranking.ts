import { TabularError } from '../tabular-error.js';
import { checkLengths, weightOf } from './label-counts.js';
import { descendingOrder } from './score-order.js';

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

/** Weights above each threshold, from the highest score down. */
interface Cumulative {
  /** Weight of the false positives. */
  readonly fps: Float64Array;
  /** Weight of the true positives. */
  readonly tps: Float64Array;
  readonly thresholds: Float64Array;
}

function cumulative({ positive, scores, weights }: BinaryScoring): Cumulative {
  checkLengths(scores.length, [positive], weights);
  const order = descendingOrder(scores);
  const fps = new Float64Array(order.length);
  const tps = new Float64Array(order.length);
  const thresholds = new Float64Array(order.length);
  let points = 0;
  let fp = 0;
  let tp = 0;
  for (let i = 0; i < order.length; i++) {
    const row = order[i]!;
    const weight = weightOf(weights, row);
    // A row without weight is no point of the curve.
    if (weight === 0) continue;
    // One point a distinct score: rows of the same score move it on.
    if (points === 0 || thresholds[points - 1] !== scores[row]!) points++;
    if (positive[row]!) tp += weight;
    else fp += weight;
    fps[points - 1] = fp;
    tps[points - 1] = tp;
    thresholds[points - 1] = scores[row]!;
  }
  return {
    fps: fps.subarray(0, points),
    tps: tps.subarray(0, points),
    thresholds: thresholds.subarray(0, points),
  };
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
    fpr: [0, ...Array.from(fps)].map((fp) => (negatives > 0 ? fp / negatives : NaN)),
    tpr: [0, ...Array.from(tps)].map((tp) => (positives > 0 ? tp / positives : NaN)),
    thresholds: [Infinity, ...Array.from(thresholds)],
  };
}

/**
 * Weighted area under the ROC curve; NaN where one side has no weight. With `maxFpr` below 1 the area up to
 * it, standardised to 0.5 at chance and 1 at best (McClish 1989). As scikit-learn 1.9.1 `roc_auc_score`.
 */
export function weightedRocAuc(input: BinaryScoring, options: { readonly maxFpr?: number } = {}): number {
  const { fps, tps } = cumulative(input);
  const negatives = fps.at(-1) ?? 0;
  const positives = tps.at(-1) ?? 0;
  const limit = options.maxFpr ?? 1;
  if (!(limit > 0 && limit <= 1)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `maxFpr must be above 0 and at most 1; it is ${limit}.`,
    );
  }
  if (!(negatives > 0 && positives > 0)) return NaN;
  let area = 0;
  let x0 = 0;
  let y0 = 0;
  for (let i = 0; i < fps.length && x0 < limit; i++) {
    const x1 = fps[i]! / negatives;
    const y1 = tps[i]! / positives;
    const end = Math.min(x1, limit);
    const y = x1 > limit ? y0 + ((y1 - y0) / (x1 - x0)) * (limit - x0) : y1;
    area += ((end - x0) * (y0 + y)) / 2;
    x0 = x1;
    y0 = y1;
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
  const curve = cumulative(input);
  const [fps, tps, thresholds] = [curve.fps, curve.tps, curve.thresholds].map((points) =>
    Array.from(points),
  ) as [number[], number[], number[]];
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
  const { fps, tps } = cumulative(input);
  const positives = tps.at(-1) ?? 0;
  if (positives === 0) return 0;
  let area = 0;
  for (let i = tps.length - 1; i >= 0; i--) {
    const below = i === 0 ? 0 : tps[i - 1]! / positives;
    area += (tps[i]! / positives - below) * (tps[i]! > 0 ? tps[i]! / (tps[i]! + fps[i]!) : 0);
  }
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
  const members = Array.from({ length: classes }, (_, label) => rowsWhere(truth, (code) => code === label));
  let sum = 0;
  let total = 0;
  for (let a = 0; a < classes; a++) {
    for (let b = a + 1; b < classes; b++) {
      const rows = new Uint32Array(members[a]!.length + members[b]!.length);
      rows.set(members[a]!);
      rows.set(members[b]!, members[a]!.length);
      if (members[a]!.length === 0 || members[b]!.length === 0) continue;
      const area = (label: number): number =>
        weightedRocAuc({
          positive: Uint8Array.from(rows, (row) => (truth[row] === label ? 1 : 0)),
          scores: columnOf(probabilities, classes, label, rows),
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
    const positive = new Uint8Array(rows);
    const own = new Float64Array(rows);
    let support = 0;
    for (let i = 0; i < rows; i++) {
      own[i] = scores[i * labels + k]!;
      if (!truth[i * labels + k]) continue;
      positive[i] = 1;
      support += weightOf(weights, i);
    }
    const weight = average === 'macro' ? 1 : support;
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
  const rows = rowsWhere(truth, (code) => code >= 0);
  const indicators = new Uint8Array(rows.length * classes);
  const scores = new Float64Array(rows.length * classes);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    indicators[i * classes + truth[row]!] = 1;
    for (let c = 0; c < classes; c++) scores[i * classes + c] = probabilities[row * classes + c]!;
  }
  return {
    truth: indicators,
    scores,
    labels: classes,
    ...(weights === undefined ? {} : { weights: Float64Array.from(rows, (row) => weights[row]!) }),
  };
}

function rowsWhere(truth: ArrayLike<number>, keep: (code: number) => boolean): Uint32Array {
  const rows = new Uint32Array(truth.length);
  let count = 0;
  for (let row = 0; row < truth.length; row++) if (keep(truth[row]!)) rows[count++] = row;
  return rows.subarray(0, count);
}

/** Probabilities of one class for these rows. */
function columnOf(
  probabilities: ArrayLike<number>,
  classes: number,
  label: number,
  rows: Uint32Array,
): Float64Array {
  const out = new Float64Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = probabilities[rows[i]! * classes + label]!;
  return out;
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
