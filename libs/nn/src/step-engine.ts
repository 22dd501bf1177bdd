import type { BatchSums } from './losses.js';
import type { NetworkPlan } from './network-plan.js';
import type { RandomStream } from './random.js';
import type { Loss } from './spec/model-spec.js';
import type { OptimizerSpec } from './spec/optimizer-spec.js';

/** What an engine needs to fit a network; the mathematics is the same in each. */
export interface StepSetup {
  plan: NetworkPlan;
  loss: Loss;
  optimizer: OptimizerSpec;
  /** Starting values of all parameters; copied. */
  initial: readonly Float32Array[];
  /** Labels: weight of the rows that have it, one for each output. Absent: 1. */
  positives?: Float64Array | undefined;
  /** Variance of each output by which the targets were divided, or ones. */
  variances: Float64Array;
  /** The stream of dropout masks. */
  random: RandomStream;
  /** Learning rate of a step, counted from 0. */
  rateOf: (step: number) => number;
}

/** Rows of one step. */
export interface Batch {
  features: Float32Array;
  targets: Int32Array | Float32Array;
  weights: Float32Array | undefined;
  rows: number;
}

/** Fits by single steps. */
export interface StepEngine {
  /** One forward and backward pass and one update; adds the rows' losses and metric to `sums`. */
  step(batch: Batch, sums: BatchSums): void;
  /** The last layer's values before the activation, with what is fitted so far. */
  logits(features: Float32Array, rows: number): Float32Array;
  /** What penalties add to the loss now, where the plan does not say. */
  penalty?(): number;
  /** The parameters as they are now, in the plan's order. */
  parameters(): Float32Array[];
  /** Frees every tensor. */
  dispose(): void;
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
  /** Weight of each row. Absent: 1. */
  weights?: Float32Array | undefined;
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
  /** As of a StepEngine. */
  logits(features: Float32Array, rows: number): Float32Array | Promise<Float32Array>;
  /** As of a StepEngine. */
  penalty?(): number;
  /** The parameters as they are now, in the plan's order. */
  parameters(): Float32Array[];
  /** Frees what it holds. */
  dispose(): void | Promise<void>;
}

/** Epochs of an engine that fits by steps; `shouldStop` is asked before each of them. */
export function epochsOfSteps(steps: StepEngine, data: FitData, shouldStop: () => boolean): EpochEngine {
  const { features, targets, weights, rows, batchSize } = data;
  const width = features.length / rows;
  const perRow = targets.length / rows;
  const batch: Batch = {
    features: new Float32Array(batchSize * width),
    targets: targets instanceof Int32Array ? new Int32Array(batchSize) : new Float32Array(batchSize * perRow),
    weights: weights && new Float32Array(batchSize),
    rows: batchSize,
  };
  const fill = (chosen: Int32Array): void => {
    batch.rows = chosen.length;
    for (let i = 0; i < chosen.length; i += 1) {
      const row = chosen[i]!;
      for (let j = 0; j < width; j += 1) batch.features[i * width + j] = features[row * width + j]!;
      for (let j = 0; j < perRow; j += 1) batch.targets[i * perRow + j] = targets[row * perRow + j]!;
      if (batch.weights && weights) batch.weights[i] = weights[row]!;
    }
  };
  return {
    epochsAtOnce: 1,
    epochs(orders) {
      const finished: BatchSums[] = [];
      for (const order of orders) {
        const sums = { loss: 0, metric: 0 };
        for (let start = 0; start < rows; start += batchSize) {
          if (shouldStop()) return { sums: finished, end: { kind: 'stopped' } };
          fill(order.subarray(start, Math.min(start + batchSize, rows)));
          steps.step(batch, sums);
          if (!Number.isFinite(sums.loss))
            return { sums: finished, end: { kind: 'diverged', batch: start / batchSize + 1 } };
        }
        finished.push(sums);
      }
      return { sums: finished, end: { kind: 'done' } };
    },
    logits: (values, count) => steps.logits(values, count),
    ...(steps.penalty && { penalty: () => steps.penalty!() }),
    parameters: () => steps.parameters(),
    dispose: () => {
      steps.dispose();
    },
  };
}
