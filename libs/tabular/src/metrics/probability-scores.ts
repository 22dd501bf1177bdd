import { linearQuantile, sortedPresent, unitSpace } from '../preprocess/statistics.js';
import { TabularError } from '../tabular-error.js';
import { checkLengths, weightOf } from './label-counts.js';
import type { ClassScoring } from './ranking.js';

/**
 * Weighted mean of −log of the true class's probability, cut to [ε, 1 − ε] of float64; rows are not rescaled
 * to sum 1. As scikit-learn 1.9.1 `log_loss(labels=range(classes))`; NaN without rows.
 */
export function logLoss(input: ClassScoring): number {
  return meanOverRows(input, (row, label) => {
    const p = input.probabilities[row * input.classes + label]!;
    return -Math.log(Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p)));
  });
}

/**
 * Weighted mean squared distance of probabilities and truth; halved by default for two classes, where it is
 * that of the second one's probability. As scikit-learn 1.9.1 `brier_score_loss(scale_by_half='auto')`.
 */
export function brierScore(input: ClassScoring, options: { readonly scaleByHalf?: boolean } = {}): number {
  const { probabilities, classes } = input;
  const scale = (options.scaleByHalf ?? classes < 3) ? 0.5 : 1;
  return meanOverRows(input, (row, label) => {
    let squares = 0;
    for (let c = 0; c < classes; c++)
      squares += (probabilities[row * classes + c]! - (c === label ? 1 : 0)) ** 2;
    return scale * squares;
  });
}

/** Predicted probabilities of an event and whether it happened. */
export interface CalibrationInput {
  readonly positive: ArrayLike<boolean | number>;
  /** In [0, 1]. */
  readonly probabilities: ArrayLike<number>;
  readonly weights?: ArrayLike<number>;
}

export interface CalibrationOptions {
  /** Number of bins. Default 10. */
  readonly bins?: number;
  /**
   * 'uniform': bins of equal width; 'quantile': of equal numbers of rows (weights do not move the edges).
   * Default 'uniform'.
   */
  readonly strategy?: 'uniform' | 'quantile';
}

/** One bin (lower, upper] with rows; the first holds its lower edge too. */
export interface CalibrationBin {
  readonly lower: number;
  readonly upper: number;
  /** Weight of its rows. */
  readonly weight: number;
  readonly meanPredicted: number;
  /** Share of positive rows. */
  readonly meanObserved: number;
}

/**
 * Bins that have weight, as scikit-learn 1.9.1 `calibration_curve`. Throws RK_TABULAR_ARGUMENT_INVALID for
 * probabilities outside [0, 1].
 */
export function calibrationBins(input: CalibrationInput, options: CalibrationOptions = {}): CalibrationBin[] {
  const { positive, probabilities, weights } = input;
  const bins = options.bins ?? 10;
  checkLengths(probabilities.length, [positive], weights);
  if (!Number.isInteger(bins) || bins < 1)
    throw invalid(`Calibration needs at least one bin; ${bins} were asked for.`);
  const all = Float64Array.from(probabilities);
  const outside = all.findIndex((p) => !(p >= 0 && p <= 1));
  if (outside >= 0) throw invalid(`Row ${outside}: ${all[outside]} is no probability.`);
  const sorted = options.strategy === 'quantile' ? sortedPresent(all) : undefined;
  const edges = unitSpace(bins + 1).map((q) =>
    sorted === undefined ? q : linearQuantile(sorted, (q * 100) / 100),
  );
  const out = Array.from({ length: bins }, () => ({ weight: 0, predicted: 0, observed: 0 }));
  all.forEach((p, row) => {
    let bin = 0;
    while (bin < bins - 1 && edges[bin + 1]! < p) bin++;
    const weight = weightOf(weights, row);
    out[bin]!.weight += weight;
    out[bin]!.predicted += weight * p;
    if (positive[row]!) out[bin]!.observed += weight;
  });
  return out.flatMap(({ weight, predicted, observed }, i) =>
    weight === 0
      ? []
      : [
          {
            lower: edges[i]!,
            upper: edges[i + 1]!,
            weight,
            meanPredicted: predicted / weight,
            meanObserved: observed / weight,
          },
        ],
  );
}

/** Calibration errors over the bins. */
export interface CalibrationError {
  /**
   * Expected calibration error: Σ (weight of bin / total) · |observed − predicted| (Naeini, Cooper and
   * Hauskrecht 2015).
   */
  readonly expected: number;
  /** The largest |observed − predicted|. */
  readonly maximum: number;
}

/**
 * Expected and maximum calibration error; NaN without rows. scikit-learn has none: the bins are those of
 * `calibration_curve`.
 */
export function calibrationError(
  input: CalibrationInput,
  options: CalibrationOptions = {},
): CalibrationError {
  const bins = calibrationBins(input, options);
  if (bins.length === 0) return { expected: NaN, maximum: NaN };
  const gaps = bins.map(({ meanObserved, meanPredicted }) => Math.abs(meanObserved - meanPredicted));
  const total = bins.reduce((sum, { weight }) => sum + weight, 0);
  return {
    expected: bins.reduce((sum, { weight }, i) => sum + weight * gaps[i]!, 0) / total,
    maximum: Math.max(...gaps),
  };
}

/**
 * What multiclass calibration looks at: the largest probability of each row (the first of equal ones), and
 * whether its class was right. Rows without a truth are left out.
 */
export function topLabelCalibration(input: ClassScoring): CalibrationInput {
  const { truth, probabilities, classes, weights } = input;
  const positive = new Uint8Array(truth.length);
  const confidence = new Float64Array(truth.length);
  const kept = new Float64Array(truth.length);
  let count = 0;
  for (let row = 0; row < truth.length; row++) {
    if (truth[row]! < 0) continue;
    let best = 0;
    for (let c = 1; c < classes; c++) {
      if (probabilities[row * classes + c]! > probabilities[row * classes + best]!) best = c;
    }
    positive[count] = best === truth[row] ? 1 : 0;
    confidence[count] = probabilities[row * classes + best]!;
    kept[count++] = weightOf(weights, row);
  }
  return {
    positive: positive.subarray(0, count),
    probabilities: confidence.subarray(0, count),
    ...(weights === undefined ? {} : { weights: kept.subarray(0, count) }),
  };
}

function meanOverRows(input: ClassScoring, loss: (row: number, label: number) => number): number {
  const { truth, probabilities, classes, weights } = input;
  checkLengths(truth.length, [], weights);
  if (probabilities.length !== truth.length * classes) {
    throw invalid(
      `${probabilities.length} probabilities do not suit ${truth.length} rows of ${classes} classes.`,
    );
  }
  let sum = 0;
  let total = 0;
  for (let row = 0; row < truth.length; row++) {
    const label = truth[row]!;
    if (label < 0) continue;
    if (label >= classes) throw invalid(`Row ${row} has class ${label} of ${classes} classes.`);
    sum += weightOf(weights, row) * loss(row, label);
    total += weightOf(weights, row);
  }
  return sum / total;
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_ARGUMENT_INVALID', message);
}
