import type { ModelSpec } from './model-spec.js';
import type { TrainedModel } from './trained-model.js';
import type { BackendName } from './backends.js';

export interface EpochResult {
  /** Mean loss over the epoch's rows, each taken before the step of its batch (Keras's running mean). */
  loss: number;
  /** Accuracy (classification) or root mean squared error in the target's unit (regression), over the same rows. */
  metric: number;
}

export interface TrainJob {
  spec: ModelSpec;
  /** rows × width, row by row. */
  features: Float32Array;
  rows: number;
  width: number;
  /** Class indices (Int32Array, one a row) or numbers (Float32Array, rows × outputs). */
  targets: Int32Array | Float32Array;
  /** Classification: the number of classes; defaults to the units of the last layer. */
  classes?: number;
  /** Decides initial weights, shuffles and dropout. Defaults to `spec.seed`. */
  seed?: number;
  /** Defaults to the backend in use, or 'cpu' where none is. */
  backend?: BackendName;
  /** Start from these weights (a fitted model's bytes) instead of fresh ones. */
  initialWeights?: Uint8Array;
  /** After each epoch, counted from 1. A promise is awaited. */
  onEpoch?: (epoch: number, result: EpochResult) => void | Promise<void>;
  /** Asked before every batch and after every yield: true ends the fit in good order with what is fitted so far. */
  shouldStop?: () => boolean;
  /** Give way to the event loop after every so many epochs, so that messages are handled. Default 1. */
  yieldEvery?: number;
}

export interface TrainResult {
  model: TrainedModel;
  history: { loss: number[]; metric: number[] };
  metricName: 'accuracy' | 'rmse';
  epochsRun: number;
  stopped: boolean;
  backend: BackendName;
}

export async function train(_job: TrainJob): Promise<TrainResult> {
  throw new Error('being written');
}
