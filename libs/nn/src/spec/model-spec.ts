import type { LayerSpec } from './layer-spec.js';
import type { OptimizerSpec } from './optimizer-spec.js';

/**
 * What a network predicts. Binary classification is classification with two outputs: a two-class softmax,
 * so that the probabilities of the labels always sum to 1 and no threshold convention is needed. Multi-label: a sigmoid
 * for each label, independent of the others.
 */
export const tasks = ['classification', 'regression', 'multilabel'] as const;
export type Task = (typeof tasks)[number];

/** What a network is fitted for where a table's target is binary, multiclass, multilabel or a regression. */
export function networkTask(task: 'binary' | 'multiclass' | 'multilabel' | 'regression'): Task {
  return task === 'binary' || task === 'multiclass' ? 'classification' : task;
}

/** Losses that a task may be fitted with, the default first. Cross-entropies are computed from the logits. */
export const lossesOf = {
  classification: ['sparse_categorical_crossentropy'],
  regression: ['mse', 'mae', 'huber'],
  multilabel: ['binary_crossentropy'],
} as const satisfies Record<Task, readonly string[]>;

/** Mean over a batch, and over the outputs too where there are several targets a row (Keras's definitions). Huber's delta is 1. */
export type Loss = (typeof lossesOf)[Task][number];

/** Activation of the last layer: the loss decides it. */
export const outputActivations = {
  classification: 'softmax',
  regression: 'linear',
  multilabel: 'sigmoid',
} as const satisfies Record<Task, string>;

/**
 * Inputs that are replaced by a learned vector. Either a group of one-hot columns, or, with `vocabulary`, one column of
 * codes 0 to vocabulary − 1. The vectors follow the other inputs, in the order of the list.
 */
export interface EmbeddingSpec {
  /** The column of the data set, where it was given by name. */
  feature?: string;
  /** First input and the one after the last. */
  columns: [number, number];
  /** Codes, where the column holds codes. Absent: the columns are one-hot. */
  vocabulary?: number;
  dimension: number;
  l2?: number;
}

/** When a fit ends before its last epoch (Keras's EarlyStopping). */
export interface EarlyStoppingSpec {
  monitor: 'val_loss' | 'val_metric' | 'loss' | 'metric';
  /** Epochs without an improvement after which the fit ends. */
  patience: number;
  /** Least change that counts as an improvement. */
  minDelta: number;
  /** Whether the weights of the best epoch are the result, also where the fit runs to its end. */
  restoreBest: boolean;
  /** Epochs before the first that counts. */
  startFromEpoch: number;
}

/** Model topology in the JSON of Keras or TensorFlow.js Layers, and its weights where they are the start. */
export interface GivenModel {
  topology: Record<string, unknown>;
  /** Little-endian float32 in base64, in the order of the model's weights: trained ones, then moving statistics. */
  weights?: string;
}

/** A network and how to fit it, as plain JSON. Complete: nothing is left to a default of a library. What is absent is not used. */
export interface ModelSpec {
  task: Task;
  /** Empty where `model` is given. */
  layers: LayerSpec[];
  model?: GivenModel;
  embeddings?: EmbeddingSpec[];
  optimizer: OptimizerSpec;
  loss: Loss;
  /** Classification. 'balanced': rows / (classes × rows of the class); or a weight for each class. Absent: 1 each. */
  classWeights?: 'balanced' | number[];
  /**
   * Multi-label. Factor of the loss of a label in the rows that have it (PyTorch's pos_weight): 'balanced': fitted rows without the
   * label / with it; or one for each label. Absent: 1 each.
   */
  positiveWeights?: 'balanced' | number[];
  epochs: number;
  batchSize: number;
  /** Share of the rows, drawn by the seed, that is held out of the fit to judge its epochs. */
  validationSplit?: number;
  earlyStopping?: EarlyStoppingSpec;
  /** Of the kernels whose layer names none. */
  initializer: Initializer;
  /**
   * Regression only. 'standard': the network is fitted on (target − mean) / deviation of the training targets and
   * the inverse is folded into the last dense layer afterwards, so that callers pass and receive targets in their
   * own unit. 'none': fitted on the targets as they are.
   */
  targetScaling: 'standard' | 'none';
  /** The seed of initial weights, shuffles, dropout and the validation split, where the caller of `train` gives none. */
  seed: number;
}

/** Distributions of initial weights, with Keras's names, definitions and defaults. */
export const initializers = [
  'glorot_uniform',
  'glorot_normal',
  'he_uniform',
  'he_normal',
  'lecun_uniform',
  'lecun_normal',
  'random_uniform',
  'random_normal',
  'zeros',
  'ones',
] as const;
export type Initializer = (typeof initializers)[number];

/** Multiply-adds decide which backend is faster; both numbers are known before anything is built. */
export interface ModelSize {
  /** Trainable weights and biases. */
  parameters: number;
  /** Rows in one step. */
  batchSize: number;
}

/**
 * The network that is used when nothing is asked for: Dense 10 relu → Dense 8 relu → Dense `outputs` softmax
 * (linear for regression, sigmoid for labels), SGD 0.01, 50 epochs, batches of 32, seed 42. `inputs` does not change it today.
 */
export function defaultSpec(task: Task, _inputs: number, outputs: number): ModelSpec {
  return {
    task,
    layers: [
      { type: 'dense', units: 10, activation: 'relu' },
      { type: 'dense', units: 8, activation: 'relu' },
      { type: 'dense', units: outputs, activation: outputActivations[task] },
    ],
    optimizer: { type: 'sgd', learningRate: 0.01 },
    loss: lossesOf[task][0],
    epochs: 50,
    batchSize: 32,
    initializer: 'glorot_uniform',
    targetScaling: task === 'regression' ? 'standard' : 'none',
    seed: 42,
  };
}
