import type { Activation, LayerSpec } from './model-spec.js';
import type { RandomStream } from './random.js';
import type { WeightSpec } from './trained-model.js';

export interface DenseOperation {
  kind: 'dense';
  name: string;
  inputs: number;
  outputs: number;
  activation: Activation;
  /** Places in the plan's parameters. */
  kernel: number;
  bias: number;
}

export interface DropoutOperation {
  kind: 'dropout';
  name: string;
  width: number;
  rate: number;
}

export interface BatchNormOperation {
  kind: 'batch_norm';
  name: string;
  width: number;
  momentum: number;
  epsilon: number;
  gamma: number;
  beta: number;
  movingMean: number;
  movingVariance: number;
}

export type Operation = DenseOperation | DropoutOperation | BatchNormOperation;

/** The network as a list of operations on numbered parameters; trainable parameters come first, as in a LayersModel. */
export interface NetworkPlan {
  inputs: number;
  outputs: number;
  operations: Operation[];
  parameters: WeightSpec[];
  trainable: number;
}

/** Lays out layers for a number of inputs: parameter names, shapes and order are those of the saved model. */
export function planNetwork(layers: readonly LayerSpec[], inputs: number): NetworkPlan {
  const parameters: WeightSpec[] = [];
  const add = (name: string, ...shape: number[]): number =>
    parameters.push({ name, shape, dtype: 'float32' }) - 1;
  const counts = { dense: 0, dropout: 0, batch_norm: 0 };
  const operations: Operation[] = [];
  let width = inputs;
  for (const layer of layers) {
    counts[layer.type] += 1;
    const name = `${layer.type}_${counts[layer.type]}`;
    if (layer.type === 'dense') {
      const kernel = add(`${name}/kernel`, width, layer.units);
      const bias = add(`${name}/bias`, layer.units);
      const { units: outputs, activation } = layer;
      operations.push({ kind: 'dense', name, inputs: width, outputs, activation, kernel, bias });
      width = layer.units;
    } else if (layer.type === 'dropout') {
      operations.push({ kind: 'dropout', name, width, rate: layer.rate });
    } else {
      const gamma = add(`${name}/gamma`, width);
      const beta = add(`${name}/beta`, width);
      const { momentum, epsilon } = layer;
      const moving = { movingMean: -1, movingVariance: -1 };
      operations.push({ kind: 'batch_norm', name, width, momentum, epsilon, gamma, beta, ...moving });
    }
  }
  const trainable = parameters.length;
  for (const operation of operations) {
    if (operation.kind !== 'batch_norm') continue;
    operation.movingMean = add(`${operation.name}/moving_mean`, operation.width);
    operation.movingVariance = add(`${operation.name}/moving_variance`, operation.width);
  }
  return { inputs, outputs: width, operations, parameters, trainable };
}

/** Numbers in one parameter. */
export function sizeOf(parameter: WeightSpec): number {
  return parameter.shape.reduce((product, dimension) => product * dimension, 1);
}

/**
 * Fresh parameters: kernels uniform in ±√(6 / (inputs + outputs)) (Glorot & Bengio 2010, Keras's glorot_uniform),
 * biases and offsets 0, scales and moving variances 1, moving means 0.
 */
export function initialParameters(plan: NetworkPlan, random: RandomStream): Float32Array[] {
  const values = plan.parameters.map((parameter) => new Float32Array(sizeOf(parameter)));
  for (const operation of plan.operations) {
    if (operation.kind === 'dense') {
      const limit = Math.sqrt(6 / (operation.inputs + operation.outputs));
      const kernel = values[operation.kernel]!;
      for (let i = 0; i < kernel.length; i += 1) kernel[i] = (random() * 2 - 1) * limit;
    } else if (operation.kind === 'batch_norm') {
      values[operation.gamma]!.fill(1);
      values[operation.movingVariance]!.fill(1);
    }
  }
  return values;
}
