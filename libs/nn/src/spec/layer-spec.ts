import type { Initializer } from './model-spec.js';

/** Activations, with Keras's names and definitions; 'swish' is taken for 'silu'. Leaky relu has the slope 0.2, gelu is the exact one. */
export const activations = [
  'linear',
  'relu',
  'sigmoid',
  'tanh',
  'softmax',
  'elu',
  'selu',
  'gelu',
  'silu',
  'softplus',
  'leaky_relu',
] as const;
export type Activation = (typeof activations)[number];

export interface DenseLayer {
  type: 'dense';
  units: number;
  activation: Activation;
  /** Of the kernel. Absent: the specification's. */
  initializer?: Initializer;
  /** Absent: true. */
  useBias?: boolean;
  /** Factors of Σ|w| and Σw² of the kernel, which are added to the loss. Absent: 0. */
  l1?: number;
  l2?: number;
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

/** Normalises each row by its mean and variance over the inputs, then scales and shifts each input (Keras's default 1e-3). */
export interface LayerNormLayer {
  type: 'layer_norm';
  epsilon: number;
}

/** An activation by itself, for example after a norm. */
export interface ActivationLayer {
  type: 'activation';
  activation: Activation;
}

/** Adds its input to the output of its layers. With `projection`, the input goes through a linear dense layer of their width first. */
export interface ResidualLayer {
  type: 'residual';
  layers: LayerSpec[];
  projection: boolean;
}

export type LayerSpec =
  DenseLayer | DropoutLayer | BatchNormLayer | LayerNormLayer | ActivationLayer | ResidualLayer;
