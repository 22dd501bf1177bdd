import { adamStepSize } from '../step-engine.js';
import type { OptimizerSpec } from '../model-spec.js';
import type { GraphBuilder } from './graph-builder.js';

/** A parameter and its gradient as the product leftᵀ · right, which the simple updates take in one pass. */
export interface ParameterUpdate {
  parameter: string;
  moments: string[];
  left: string;
  /** Whether `left` is to be transposed (a batch of inputs), or is a row of ones (a bias). */
  transpose: boolean;
  right: string;
  /** Scalar of this step, where the optimizer has one. */
  stepSize: string | undefined;
}

/** Moments that each parameter has, zeros at the start. */
export function momentsOf(optimizer: OptimizerSpec): number {
  return { sgd: 0, momentum: 1, rmsprop: 1, adam: 2 }[optimizer.type];
}

/**
 * The scalar of step `t` (from 1), or undefined: for Adam its step size, in the units of the moments kept here;
 * for RMSprop the learning rate likewise.
 */
export function stepSizeOf(optimizer: OptimizerSpec, step: number): number | undefined {
  if (optimizer.type === 'adam')
    return (adamStepSize(optimizer, step) * (1 - optimizer.beta1)) / Math.sqrt(1 - optimizer.beta2);
  if (optimizer.type === 'rmsprop') return optimizer.learningRate / Math.sqrt(1 - optimizer.decay);
  return undefined;
}

/**
 * One update (Keras's formulas). SGD and momentum get gradients times the learning rate. Adam and RMSprop keep their moments
 * divided by (1 − β), which leaves their ratio as it is and saves a pass over the parameter for each: with
 * M = m / (1 − β₁) and V = v / (1 − β₂), α m / (√v + ε) = α (1 − β₁) / √(1 − β₂) · M / (√V + ε / √(1 − β₂)).
 */
export function updateGraph(
  graph: GraphBuilder,
  optimizer: OptimizerSpec,
  update: ParameterUpdate,
): { parameter: string; moments: string[] } {
  const { parameter, left, right, transpose: transposeA } = update;
  if (optimizer.type === 'sgd')
    return { parameter: graph.gemm(left, right, parameter, { transposeA, alpha: -1 }), moments: [] };
  const [first = '', second = ''] = update.moments;
  if (optimizer.type === 'momentum') {
    const velocity = graph.gemm(left, right, first, { transposeA, beta: optimizer.momentum });
    return { parameter: graph.subtract(parameter, velocity), moments: [velocity] };
  }
  const gradient = graph.gemm(left, right, undefined, { transposeA });
  const squared = graph.multiply(gradient, gradient);
  const size = update.stepSize ?? graph.scalar(1);
  if (optimizer.type === 'rmsprop') {
    const { decay, epsilon } = optimizer;
    const square = graph.add(graph.multiply(first, graph.scalar(decay)), squared);
    const shifted = graph.add(square, graph.scalar(epsilon / (1 - decay)));
    const change = graph.divide(gradient, graph.apply('Sqrt', [shifted]));
    return { parameter: graph.subtract(parameter, graph.multiply(change, size)), moments: [square] };
  }
  const { beta1, beta2, epsilon } = optimizer;
  const mean = graph.add(graph.multiply(first, graph.scalar(beta1)), gradient);
  const square = graph.add(graph.multiply(second, graph.scalar(beta2)), squared);
  const root = graph.add(graph.apply('Sqrt', [square]), graph.scalar(epsilon / Math.sqrt(1 - beta2)));
  const change = graph.multiply(graph.divide(mean, root), size);
  return { parameter: graph.subtract(parameter, change), moments: [mean, square] };
}
