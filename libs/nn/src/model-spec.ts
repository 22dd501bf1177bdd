/**
 * What a network predicts. Binary classification is classification with two outputs: a two-class softmax,
 * so that the probabilities of the labels always sum to 1 and no threshold convention is needed.
 */
export type Task = 'classification' | 'regression';

/** Activations of a dense layer, with TensorFlow.js's and Keras's names and definitions. */
export const activations = ['linear', 'relu', 'sigmoid', 'tanh', 'softmax'] as const;
export type Activation = (typeof activations)[number];

export interface DenseLayer {
  type: 'dense';
  units: number;
  activation: Activation;
}

/** Sets a share `rate` of the inputs to zero while training and scales the rest by 1 / (1 − rate); nothing in prediction. */
export interface DropoutLayer {
  type: 'dropout';
  rate: number;
}

/** Normalises each input by the batch's mean and variance, by their moving averages in prediction (Keras's defaults 0.99, 1e-3). */
export interface BatchNormLayer {
  type: 'batch_norm';
  momentum: number;
  epsilon: number;
}

export type LayerSpec = DenseLayer | DropoutLayer | BatchNormLayer;

export type OptimizerSpec =
  | { type: 'sgd'; learningRate: number }
  | { type: 'momentum'; learningRate: number; momentum: number }
  | { type: 'rmsprop'; learningRate: number; decay: number; epsilon: number }
  | { type: 'adam'; learningRate: number; beta1: number; beta2: number; epsilon: number };

/** Mean over a batch. Cross-entropy takes labels as class indices; squared error is averaged over the outputs too. */
export type Loss = 'sparse_categorical_crossentropy' | 'mse';

/** A network and how to fit it, as plain JSON. Complete: nothing is left to a default of a library. */
export interface ModelSpec {
  task: Task;
  layers: LayerSpec[];
  optimizer: OptimizerSpec;
  loss: Loss;
  epochs: number;
  batchSize: number;
  initializer: 'glorot_uniform';
  /**
   * Regression only. 'standard': the network is fitted on (target − mean) / deviation of the training targets and
   * the inverse is folded into the last dense layer afterwards, so that callers pass and receive targets in their
   * own unit. 'none': fitted on the targets as they are.
   */
  targetScaling: 'standard' | 'none';
  /** The seed of initial weights, shuffles and dropout, where the caller of `train` gives none. */
  seed: number;
}

/** Multiply-adds decide which backend is faster; both numbers are known before anything is built. */
export interface ModelSize {
  /** Trainable weights and biases. */
  parameters: number;
  /** Rows in one step. */
  batchSize: number;
}

/**
 * The network that is used when nothing is asked for: Dense 10 relu → Dense 8 relu → Dense `outputs` softmax
 * (linear for regression), SGD 0.01, 50 epochs, batches of 32, seed 42. `inputs` does not change it today.
 */
export function defaultSpec(task: Task, _inputs: number, outputs: number): ModelSpec {
  return {
    task,
    layers: [
      { type: 'dense', units: 10, activation: 'relu' },
      { type: 'dense', units: 8, activation: 'relu' },
      { type: 'dense', units: outputs, activation: task === 'classification' ? 'softmax' : 'linear' },
    ],
    optimizer: { type: 'sgd', learningRate: 0.01 },
    loss: task === 'classification' ? 'sparse_categorical_crossentropy' : 'mse',
    epochs: 50,
    batchSize: 32,
    initializer: 'glorot_uniform',
    targetScaling: task === 'regression' ? 'standard' : 'none',
    seed: 42,
  };
}

/** Trainable parameters of the network on `inputs` features: weights and biases, scale and offset of a batch norm. */
export function countParameters(spec: Pick<ModelSpec, 'layers'>, inputs: number): number {
  let width = inputs;
  let parameters = 0;
  for (const layer of spec.layers) {
    if (layer.type === 'dense') {
      parameters += (width + 1) * layer.units;
      width = layer.units;
    } else if (layer.type === 'batch_norm') {
      parameters += 2 * width;
    }
  }
  return parameters;
}
