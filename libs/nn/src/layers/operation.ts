import type { Activation } from '../spec/layer-spec.js';
import type { Initializer } from '../spec/model-spec.js';

interface OperationBase {
  name: string;
  /** Places of the values that it takes: 0 is the network's input, i + 1 the result of operation i. */
  sources: number[];
  /** Columns of the result. */
  outputs: number;
}

export interface DenseOperation extends OperationBase {
  kind: 'dense';
  inputs: number;
  activation: Activation;
  /** Places in the plan's parameters; `bias` is -1 where there is none. */
  kernel: number;
  bias: number;
  initializer?: Initializer;
  l1?: number;
  l2?: number;
}

export interface ActivationOperation extends OperationBase {
  kind: 'activation';
  activation: Activation;
}

export interface DropoutOperation extends OperationBase {
  kind: 'dropout';
  rate: number;
}

export interface BatchNormOperation extends OperationBase {
  kind: 'batch_norm';
  momentum: number;
  epsilon: number;
  gamma: number;
  beta: number;
  movingMean: number;
  movingVariance: number;
}

export interface LayerNormOperation extends OperationBase {
  kind: 'layer_norm';
  epsilon: number;
  gamma: number;
  beta: number;
}

/** Rows of a table, by the codes of a column. */
export interface EmbeddingOperation extends OperationBase {
  kind: 'embedding';
  vocabulary: number;
  table: number;
  initializer?: Initializer;
  l2?: number;
}

/** Columns `from` to `to` of its source. */
export interface ColumnsOperation extends OperationBase {
  kind: 'columns';
  from: number;
  to: number;
}

/** The columns of all its sources, side by side. */
export interface ConcatOperation extends OperationBase {
  kind: 'concat';
  /** Columns of each source. */
  splits: number[];
}

/** The sum of its sources. */
export interface AddOperation extends OperationBase {
  kind: 'add';
}

export type Operation =
  | DenseOperation
  | ActivationOperation
  | DropoutOperation
  | BatchNormOperation
  | LayerNormOperation
  | EmbeddingOperation
  | ColumnsOperation
  | ConcatOperation
  | AddOperation;

export type OperationKind = Operation['kind'];
export type OperationOf<K extends OperationKind> = Extract<Operation, { kind: K }>;
