import type { BackendName } from './backends.js';
import type { ModelSpec } from './spec/model-spec.js';
import type { InputFeature } from './spec/spec-validation.js';
import type { TrainEngine } from './train-engine.js';
import type { TrainedModel } from './trained-model.js';

export interface EpochResult {
  /**
   * Mean loss over the epoch's rows, each taken before the step of its batch (Keras's running mean), weighted and with penalties. With
   * a scaled regression target, of the scaled target: 1 is what predicting the mean gives.
   */
  loss: number;
  /** Accuracy (classification, labels) or root mean squared error in the target's unit (regression), over the same rows. */
  metric: number;
  /** The same of the rows held out, after the epoch. */
  valLoss?: number;
  valMetric?: number;
}

export interface TrainJob {
  spec: ModelSpec;
  /** rows × width, row by row. */
  features: Float32Array;
  rows: number;
  width: number;
  /** Class indices (Int32Array, one a row) or numbers (Float32Array, rows × outputs; 0 and 1 for labels). */
  targets: Int32Array | Float32Array;
  /** Weight of each row in the loss, not negative. Absent: 1. */
  sampleWeights?: Float32Array;
  /** Classification: the number of classes; defaults to the units of the last layer. */
  classes?: number;
  /** Names of the inputs, for what is said of one. */
  columns?: readonly Pick<InputFeature, 'name' | 'from' | 'to'>[];
  /** Decides initial weights, shuffles, dropout and the rows held out. Defaults to `spec.seed`. */
  seed?: number;
  /** Defaults to the backend in use, or 'cpu' where none is. */
  backend?: BackendName;
  /**
   * Default 'auto': the ONNX graph where onnxruntime loads and the network is worth it, else loops on the backend cpu; kernels on
   * gpu and node.
   */
  engine?: TrainEngine | 'auto';
  /** Start from these weights (a fitted model's bytes) instead of fresh ones. */
  initialWeights?: Uint8Array;
  /** After each epoch, counted from 1. A promise is awaited. */
  onEpoch?: (epoch: number, result: EpochResult) => void | Promise<void>;
  /**
   * Asked before every batch (engine 'onnx': before every run of the graph, which is an epoch, some 30 ms of a long one, or
   * some 2 ms of short ones): true ends the fit in good order with what is fitted so far.
   */
  shouldStop?: () => boolean;
  /** Read where `shouldStop` is asked: `train` rejects with its reason. */
  signal?: AbortSignal;
  /** Give way to the event loop after every so many epochs, so that messages are handled. Default 1. */
  yieldEvery?: number;
}

export interface TrainHistory {
  loss: number[];
  metric: number[];
  valLoss?: number[];
  valMetric?: number[];
}

export interface TrainResult {
  model: TrainedModel;
  history: TrainHistory;
  metricName: 'accuracy' | 'rmse';
  /** Whole epochs; a stop inside an epoch leaves that epoch out of the count and of the history. */
  epochsRun: number;
  /** The epoch whose weights are the result, counted from 1: the last one, or the best of an early stopping that restores it. */
  bestEpoch: number;
  /** Whether `shouldStop` ended the fit. */
  stopped: boolean;
  /** Whether early stopping ended it. */
  stoppedEarly: boolean;
  /** 'cpu' for the engine 'onnx', whichever backend was given. */
  backend: BackendName;
  engine: TrainEngine;
  /** One sentence: why this engine. */
  engineReason: string;
}
