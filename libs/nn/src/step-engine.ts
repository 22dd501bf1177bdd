import type { NetworkPlan } from './network-plan.js';
import type { Loss, OptimizerSpec } from './model-spec.js';
import type { RandomStream } from './random.js';
import type { BatchSums } from './output-gradient.js';

/** What an engine needs to fit a network; the arithmetic is the same in each. */
export interface StepSetup {
  plan: NetworkPlan;
  loss: Loss;
  optimizer: OptimizerSpec;
  /** Starting values of all parameters; copied. */
  initial: readonly Float32Array[];
  /** Variance of each output by which the targets were divided, or ones. */
  variances: Float64Array;
  /** The stream of dropout masks. */
  random: RandomStream;
}

/** Fits by single steps. One implementation by TensorFlow.js kernels, one by loops over typed arrays. */
export interface StepEngine {
  /** One forward and backward pass and one update on `rows` rows; adds the rows' losses and metric to `sums`. */
  step(features: Float32Array, targets: Int32Array | Float32Array, rows: number, sums: BatchSums): void;
  /** The parameters as they are now, in the plan's order. */
  parameters(): Float32Array[];
  /** Frees every tensor. */
  dispose(): void;
}

/**
 * SGD and momentum are linear in the gradient, which is linear in the output's gradient: the learning rate is
 * multiplied in there, on the smallest matrix, and every gradient arrives already scaled.
 */
export function gradientScale(optimizer: OptimizerSpec): number {
  return optimizer.type === 'sgd' || optimizer.type === 'momentum' ? optimizer.learningRate : 1;
}

/** Adam's step size of step `t` (from 1): α √(1 − β₂ᵗ) / (1 − β₁ᵗ) (Kingma & Ba 2015, end of section 2; Keras's form). */
export function adamStepSize(optimizer: OptimizerSpec & { type: 'adam' }, step: number): number {
  const { learningRate, beta1, beta2 } = optimizer;
  return (learningRate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
}

/** A mask of zeros with probability `rate` and 1 / (1 − rate) otherwise (inverted dropout, as in Keras). */
export function dropoutMask(size: number, rate: number, random: RandomStream): Float32Array {
  const mask = new Float32Array(size);
  const kept = 1 / (1 - rate);
  for (let i = 0; i < size; i += 1) mask[i] = random() < rate ? 0 : kept;
  return mask;
}

/** The data of a fit, checked and scaled. */
export interface FitData {
  /** rows × inputs */
  features: Float32Array;
  /** Class indices, or rows × outputs numbers. */
  targets: Int32Array | Float32Array;
  rows: number;
  /** Rows of a step, not more than there are. */
  batchSize: number;
}

/** What became of epochs: the sums of each that was finished, and how the last one ended; `batch` counts from 1. */
export interface EpochsOutcome {
  sums: BatchSums[];
  end: { kind: 'done' } | { kind: 'stopped' } | { kind: 'diverged'; batch: number };
}

/** Fits by epochs, whatever it does inside one. */
export interface EpochEngine {
  /** Epochs that it likes to be given at once. */
  readonly epochsAtOnce: number;
  /** One pass over the rows in each of the orders, by mini-batches. */
  epochs(orders: readonly Int32Array[]): EpochsOutcome | Promise<EpochsOutcome>;
  /** The parameters as they are now, in the plan's order. */
  parameters(): Float32Array[];
  /** Frees what it holds. */
  dispose(): void | Promise<void>;
}

/** Epochs of an engine that fits by steps; `shouldStop` is asked before each of them. */
export function epochsOfSteps(steps: StepEngine, data: FitData, shouldStop: () => boolean): EpochEngine {
  const { features, targets, rows, batchSize } = data;
  const width = features.length / rows;
  const perRow = targets.length / rows;
  const batchFeatures = new Float32Array(batchSize * width);
  const batchTargets =
    targets instanceof Int32Array ? new Int32Array(batchSize) : new Float32Array(batchSize * perRow);
  return {
    epochsAtOnce: 1,
    epochs(orders) {
      const finished: BatchSums[] = [];
      for (const order of orders) {
        const sums = { loss: 0, metric: 0 };
        for (let start = 0; start < rows; start += batchSize) {
          if (shouldStop()) return { sums: finished, end: { kind: 'stopped' } };
          const size = Math.min(batchSize, rows - start);
          for (let i = 0; i < size; i += 1) {
            const row = order[start + i]!;
            for (let j = 0; j < width; j += 1) batchFeatures[i * width + j] = features[row * width + j]!;
            for (let j = 0; j < perRow; j += 1) batchTargets[i * perRow + j] = targets[row * perRow + j]!;
          }
          steps.step(batchFeatures, batchTargets, size, sums);
          if (!Number.isFinite(sums.loss))
            return { sums: finished, end: { kind: 'diverged', batch: start / batchSize + 1 } };
        }
        finished.push(sums);
      }
      return { sums: finished, end: { kind: 'done' } };
    },
    parameters: () => steps.parameters(),
    dispose: () => {
      steps.dispose();
    },
  };
}
