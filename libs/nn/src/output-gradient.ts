import type { Loss } from './model-spec.js';

/** Sums over the rows of one batch; the caller divides by rows. */
export interface BatchSums {
  /** Σ of the rows' losses. */
  loss: number;
  /** Σ of correct rows (classification), Σ of squared errors over rows, averaged over outputs (regression). */
  metric: number;
}

/**
 * Loss and its gradient with respect to the last layer's values before the activation, written into `gradient`
 * (rows × outputs), times `scale` / rows.
 *
 * Cross-entropy: from logits by log-sum-exp; gradient softmax(z) − onehot(label). Squared error (mean over the
 * outputs, as Keras's mse): 2 (z − y) / outputs; the metric's squares are times `variances` of the outputs, which
 * brings them back to the target's unit. Arithmetic in double precision, rounded once on storing.
 */
export function outputGradient(
  loss: Loss,
  logits: ArrayLike<number>,
  targets: ArrayLike<number>,
  rows: number,
  outputs: number,
  scale: number,
  gradient: Float32Array,
  sums: BatchSums,
  variances: ArrayLike<number>,
): void {
  if (loss === 'mse') {
    const factor = (2 * scale) / (rows * outputs);
    for (let i = 0; i < rows * outputs; i += 1) {
      const error = logits[i]! - targets[i]!;
      const square = (error * error) / outputs;
      sums.loss += square;
      sums.metric += square * variances[i % outputs]!;
      gradient[i] = error * factor;
    }
    return;
  }
  const factor = scale / rows;
  for (let row = 0; row < rows; row += 1) {
    const start = row * outputs;
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
    const label = targets[row]!;
    sums.loss += Math.log(total) + highest - logits[start + label]!;
    if (best === label) sums.metric += 1;
    for (let c = 0; c < outputs; c += 1) {
      const probability = Math.exp(logits[start + c]! - highest) / total;
      gradient[start + c] = (probability - (c === label ? 1 : 0)) * factor;
    }
  }
}
