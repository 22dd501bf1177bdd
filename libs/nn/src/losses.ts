import { softplusOf } from './algebra/array-loops.js';
import type { Algebra } from './algebra/algebra.js';
import type { Loss } from './spec/model-spec.js';

/** Sums over rows; the caller divides by their number. */
export interface BatchSums {
  /** Σ of the rows' losses, each times its weight. */
  loss: number;
  /**
   * Σ of correct rows (classification), of the share of correct labels (multi-label), of squared errors averaged over outputs
   * (regression). Not weighted.
   */
  metric: number;
}

/** Rows to compute a loss on. */
export interface LossInput {
  loss: Loss;
  /** Class indices, or rows × outputs numbers. */
  targets: ArrayLike<number>;
  rows: number;
  outputs: number;
  /** Weight of each row. Absent: 1. */
  weights: ArrayLike<number> | undefined;
  /** Labels: weight of the rows that have it, one for each output. Absent: 1. */
  positives?: ArrayLike<number> | undefined;
  /** Variance of each output by which the targets were divided, or ones: it brings the metric back to the target's unit. */
  variances: ArrayLike<number>;
}

/** Huber's δ, where the squares end (Keras's default). */
const delta = 1;

/** Loss of one output: `value` is the error, for labels the logit. */
function elementLoss(loss: Loss, value: number, target: number): number {
  if (loss === 'mse') return value * value;
  const size = Math.abs(value);
  if (loss === 'mae') return size;
  if (loss === 'huber') return size <= delta ? 0.5 * value * value : delta * (size - 0.5 * delta);
  return softplusOf(value) - value * target;
}

/** Its derivative by the output. */
function elementGradient(loss: Loss, value: number, target: number): number {
  if (loss === 'mse') return 2 * value;
  if (loss === 'mae') return Math.sign(value);
  if (loss === 'huber') return Math.min(delta, Math.max(-delta, value));
  return 1 / (1 + Math.exp(-value)) - target;
}

/**
 * Adds the losses and metrics of rows to `sums`, from the last layer's values before the activation; and writes the gradient of
 * Σ loss · weight · `scale` / rows with respect to them into `gradient`, where there is one.
 *
 * Cross-entropy of classes: from logits by log-sum-exp; gradient softmax(z) − onehot(label). The others are means over the
 * outputs. A weighted batch is divided by its rows, not by its weights (Keras). Double precision, rounded once on storing.
 */
export function lossFromLogits(
  input: LossInput,
  logits: ArrayLike<number>,
  sums: BatchSums,
  gradient?: Float32Array,
  scale = 1,
): void {
  const { loss, targets, rows, outputs, weights, positives, variances } = input;
  const factor = scale / rows;
  if (loss === 'sparse_categorical_crossentropy') {
    for (let row = 0; row < rows; row += 1)
      classRow(logits, row * outputs, outputs, targets[row]!, weights?.[row] ?? 1, sums, gradient, factor);
    return;
  }
  const labels = loss === 'binary_crossentropy';
  for (let row = 0; row < rows; row += 1) {
    const weight = weights?.[row] ?? 1;
    const share = (factor * weight) / outputs;
    for (let j = 0, at = row * outputs; j < outputs; j += 1, at += 1) {
      const target = targets[at]!;
      const value = labels ? logits[at]! : logits[at]! - target;
      const own = positives !== undefined && target > 0.5 ? positives[j]! : 1;
      addElement(loss, value, target, (weight / outputs) * own, outputs, variances[j]!, sums);
      if (gradient !== undefined) gradient[at] = elementGradient(loss, value, target) * share * own;
    }
  }
}

function addElement(
  loss: Loss,
  value: number,
  target: number,
  weight: number,
  outputs: number,
  variance: number,
  sums: BatchSums,
): void {
  sums.loss += elementLoss(loss, value, target) * weight;
  if (loss === 'binary_crossentropy') sums.metric += value > 0 === target > 0.5 ? 1 / outputs : 0;
  else sums.metric += ((value * value) / outputs) * variance;
}

function classRow(
  logits: ArrayLike<number>,
  start: number,
  outputs: number,
  label: number,
  weight: number,
  sums: BatchSums,
  gradient: Float32Array | undefined,
  factor: number,
): void {
  let highest = -Infinity;
  let best = 0;
  for (let c = 0; c < outputs; c += 1) {
    const logit = logits[start + c]!;
    // A NaN compares false with everything: it must still reach the loss.
    if (!(logit <= highest)) {
      highest = logit;
      best = c;
    }
  }
  let total = 0;
  for (let c = 0; c < outputs; c += 1) total += Math.exp(logits[start + c]! - highest);
  sums.loss += (Math.log(total) + highest - logits[start + label]!) * weight;
  if (best === label) sums.metric += 1;
  if (gradient === undefined) return;
  for (let c = 0; c < outputs; c += 1) {
    const probability = Math.exp(logits[start + c]! - highest) / total;
    gradient[start + c] = (probability - (c === label ? 1 : 0)) * factor * weight;
  }
}

/**
 * The same in a graph, whose targets are numbers, or classes one-hot. `factors` is a column: weight · scale / rows, and 0 for rows that
 * only fill a batch up; for losses that are means over the outputs also divided by them (`outputShare`). `positives` is a row: the
 * weights of labels where they are there. `report` is what `lossFromReport` takes.
 */
export function lossGraph<T>(
  algebra: Algebra<T>,
  loss: Loss,
  logits: T,
  targets: T,
  factors: T,
  positives?: T,
): { gradient: T; report: T } {
  const scaled = (gradient: T): T => algebra.multiply(gradient, factors);
  if (loss === 'sparse_categorical_crossentropy') {
    const report = algebra.logSoftmax(logits);
    return { gradient: scaled(algebra.subtract(algebra.exp(report), targets)), report };
  }
  if (loss === 'binary_crossentropy') {
    const error = algebra.subtract(algebra.sigmoid(logits), targets);
    if (positives === undefined) return { gradient: scaled(error), report: logits };
    // Targets are 0 or 1, so that this is the weight, or 1, without a rounding.
    const absent = algebra.subtract(algebra.scalar(1), targets);
    const own = algebra.add(algebra.multiply(targets, positives), absent);
    return { gradient: scaled(algebra.multiply(error, own)), report: logits };
  }
  const report = algebra.subtract(logits, targets);
  if (loss === 'mae') return { gradient: scaled(algebra.sign(report)), report };
  if (loss === 'mse') return { gradient: scaled(report), report };
  const below = algebra.minimum(report, algebra.scalar(delta));
  return { gradient: scaled(algebra.maximum(below, algebra.scalar(-delta))), report };
}

/** Constant factor of the gradients of `lossGraph`. */
export function outputShare(loss: Loss, outputs: number): number {
  if (loss === 'sparse_categorical_crossentropy') return 1;
  return (loss === 'mse' ? 2 : 1) / outputs;
}

/** Adds losses and metrics as `lossFromLogits`, from what a graph reported; `chosen` are the rows' places in targets and weights. */
export function lossFromReport(
  { loss, targets, outputs, weights, positives, variances }: LossInput,
  report: ArrayLike<number>,
  chosen: Int32Array,
  sums: BatchSums,
): void {
  for (let i = 0; i < chosen.length; i += 1) {
    const start = i * outputs;
    const row = chosen[i]!;
    const weight = weights?.[row] ?? 1;
    if (loss === 'sparse_categorical_crossentropy') {
      const label = targets[row]!;
      let best = 0;
      for (let c = 1; c < outputs; c += 1) if (report[start + c]! > report[start + best]!) best = c;
      sums.loss -= report[start + label]! * weight;
      if (best === label) sums.metric += 1;
      continue;
    }
    for (let j = 0; j < outputs; j += 1) {
      const target = targets[row * outputs + j]!;
      const own = positives !== undefined && target > 0.5 ? positives[j]! : 1;
      addElement(loss, report[start + j]!, target, (weight / outputs) * own, outputs, variances[j]!, sums);
    }
  }
}
