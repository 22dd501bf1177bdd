import type { Loss } from '../model-spec.js';
import type { GraphBuilder } from './graph-builder.js';

/**
 * The loss on the last layer's values before the activation. `gradient` is each row's times its `factor` (0 for rows that
 * only fill a batch up); `report` is what the sums over rows are made of outside the graph: the logarithms of the
 * probabilities, or the errors.
 *
 * Cross-entropy of softmax(z): softmax(z) − onehot(label). Squared error (mean over the outputs): 2 (z − y) / outputs,
 * with 2 / outputs in the factor (`lossFactor`).
 */
export function lossGraph(
  graph: GraphBuilder,
  loss: Loss,
  logits: string,
  targets: string,
  factor: string,
): { gradient: string; report: string } {
  if (loss === 'mse') {
    const report = graph.subtract(logits, targets);
    return { gradient: graph.multiply(report, factor), report };
  }
  const axis = { kind: 'int', value: -1 } as const;
  const report = graph.apply('LogSoftmax', [logits], { axis });
  const gradient = graph.subtract(graph.apply('Exp', [report]), targets);
  return { gradient: graph.multiply(gradient, factor), report };
}

/** Constant factor of the gradient of the mean over rows. */
export function lossFactor(loss: Loss, outputs: number): number {
  return loss === 'mse' ? 2 / outputs : 1;
}
