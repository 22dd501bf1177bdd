import { initialise } from './initialisers.js';
import type { LayerSpec } from './spec/layer-spec.js';
import type { EmbeddingSpec, Initializer } from './spec/model-spec.js';
import type { DenseOperation, Operation } from './layers/operation.js';
import type { RandomStream } from './random.js';
import type { WeightSpec } from './trained-model.js';

/** The network as a list of operations on numbered parameters; trainable parameters come first, as in a LayersModel. */
export interface NetworkPlan {
  inputs: number;
  outputs: number;
  operations: Operation[];
  parameters: WeightSpec[];
  trainable: number;
}

/** What an operation is, without what the builder finds. */
type Draft<O> = O extends Operation
  ? Omit<
      O,
      | 'name'
      | 'sources'
      | 'outputs'
      | 'inputs'
      | 'splits'
      | 'movingMean'
      | 'movingVariance'
      | 'kernel'
      | 'bias'
      | 'gamma'
      | 'beta'
      | 'table'
    > & { name?: string; units?: number; useBias?: boolean }
  : never;
export type OperationDraft = Draft<Operation>;

/** Lays a network out operation by operation: parameter names, shapes and order are those of the saved model. */
export class PlanBuilder {
  readonly #inputs: number;
  readonly #operations: Operation[] = [];
  readonly #parameters: WeightSpec[] = [];
  readonly #counts = new Map<string, number>();

  constructor(inputs: number) {
    this.#inputs = inputs;
  }

  /** Columns of a value. */
  width(value: number): number {
    return value === 0 ? this.#inputs : this.#operations[value - 1]!.outputs;
  }

  /** The values so far: the last one's place. */
  get last(): number {
    return this.#operations.length;
  }

  /** Adds an operation and gives the place of its result. */
  add(draft: OperationDraft, sources: number[]): number {
    const { units = 0, useBias = true, ...rest } = draft;
    const count = (this.#counts.get(draft.kind) ?? 0) + 1;
    this.#counts.set(draft.kind, count);
    const name = draft.name ?? `${draft.kind}_${count}`;
    const width = this.width(sources[0]!);
    const base = { ...rest, name, sources };
    const weight = (what: string, ...shape: number[]): number =>
      this.#parameters.push({ name: `${name}/${what}`, shape, dtype: 'float32' }) - 1;
    let operation: Record<string, unknown> = { ...base, outputs: width };
    if (draft.kind === 'dense') {
      const kernel = weight('kernel', width, units);
      const bias = useBias ? weight('bias', units) : -1;
      operation = { ...base, inputs: width, outputs: units, kernel, bias };
    } else if (draft.kind === 'embedding') {
      operation = { ...base, outputs: units, table: weight('embeddings', draft.vocabulary, units) };
    } else if (draft.kind === 'batch_norm' || draft.kind === 'layer_norm') {
      operation = { ...operation, gamma: weight('gamma', width), beta: weight('beta', width) };
    } else if (draft.kind === 'columns') {
      operation = { ...base, outputs: draft.to - draft.from };
    } else if (draft.kind === 'concat') {
      const splits = sources.map((source) => this.width(source));
      operation = { ...base, splits, outputs: splits.reduce((sum, one) => sum + one, 0) };
    }
    return this.#operations.push(operation as unknown as Operation);
  }

  /** The plan, whose last operation makes the prediction. */
  build(): NetworkPlan {
    const trainable = this.#parameters.length;
    const weight = (name: string, width: number): number =>
      this.#parameters.push({ name, shape: [width], dtype: 'float32' }) - 1;
    for (const operation of this.#operations) {
      if (operation.kind !== 'batch_norm') continue;
      operation.movingMean = weight(`${operation.name}/moving_mean`, operation.outputs);
      operation.movingVariance = weight(`${operation.name}/moving_variance`, operation.outputs);
    }
    return {
      inputs: this.#inputs,
      outputs: this.width(this.last),
      operations: this.#operations,
      parameters: this.#parameters,
      trainable,
    };
  }
}

/** Lays out layers for a number of inputs, embeddings first. */
export function planNetwork(
  layers: readonly LayerSpec[],
  inputs: number,
  embeddings: readonly EmbeddingSpec[] = [],
): NetworkPlan {
  const builder = new PlanBuilder(inputs);
  let value = planEmbeddings(builder, inputs, embeddings);
  for (const layer of layers) value = planLayer(builder, layer, value);
  return builder.build();
}

function planEmbeddings(builder: PlanBuilder, inputs: number, embeddings: readonly EmbeddingSpec[]): number {
  if (embeddings.length === 0) return 0;
  const taken = new Set<number>();
  for (const { columns } of embeddings) for (let j = columns[0]; j < columns[1]; j += 1) taken.add(j);
  const parts: number[] = [];
  for (let from = 0; from < inputs;) {
    if (taken.has(from)) {
      from += 1;
      continue;
    }
    let to = from;
    while (to < inputs && !taken.has(to)) to += 1;
    parts.push(builder.add({ kind: 'columns', from, to }, [0]));
    from = to;
  }
  for (const { columns, vocabulary, dimension, l2 } of embeddings) {
    const part = builder.add({ kind: 'columns', from: columns[0], to: columns[1] }, [0]);
    const shared = {
      units: dimension,
      initializer: 'random_uniform',
      ...(l2 === undefined ? {} : { l2 }),
    } as const;
    // The product of a one-hot row with a matrix is a row of it: an embedding without codes.
    const draft: OperationDraft =
      vocabulary === undefined
        ? { kind: 'dense', activation: 'linear', useBias: false, ...shared }
        : { kind: 'embedding', vocabulary, ...shared };
    parts.push(builder.add(draft, [part]));
  }
  return parts.length === 1 ? parts[0]! : builder.add({ kind: 'concat' }, parts);
}

function planLayer(builder: PlanBuilder, layer: LayerSpec, input: number): number {
  switch (layer.type) {
    case 'dense': {
      const { type: _type, ...rest } = layer;
      return builder.add({ kind: 'dense', ...rest }, [input]);
    }
    case 'activation':
      return builder.add({ kind: 'activation', activation: layer.activation }, [input]);
    case 'dropout':
      return builder.add({ kind: 'dropout', rate: layer.rate }, [input]);
    case 'batch_norm':
      return builder.add({ kind: 'batch_norm', momentum: layer.momentum, epsilon: layer.epsilon }, [input]);
    case 'layer_norm':
      return builder.add({ kind: 'layer_norm', epsilon: layer.epsilon }, [input]);
    case 'residual': {
      let value = input;
      for (const inner of layer.layers) value = planLayer(builder, inner, value);
      const shortcut = layer.projection
        ? builder.add({ kind: 'dense', units: builder.width(value), activation: 'linear' }, [input])
        : input;
      return builder.add({ kind: 'add' }, [value, shortcut]);
    }
  }
}

/** Numbers in one parameter. */
export function sizeOf(parameter: WeightSpec): number {
  return parameter.shape.reduce((product, dimension) => product * dimension, 1);
}

/** The shape of a parameter as a matrix: a vector is a row. */
export function matrixShape({ shape }: WeightSpec): [number, number] {
  return shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
}

/** The operation that makes the prediction; plans end in one. */
export function lastDense(plan: NetworkPlan): DenseOperation {
  return plan.operations[plan.operations.length - 1] as DenseOperation;
}

/** Trainable numbers. */
export function trainableSize(plan: NetworkPlan): number {
  return plan.parameters.slice(0, plan.trainable).reduce((sum, parameter) => sum + sizeOf(parameter), 0);
}

/** Multiply-adds of one row in one step, forward and backward. */
export function countProducts(plan: NetworkPlan): number {
  let products = 0;
  for (const op of plan.operations) {
    if (op.kind === 'dense') products += 3 * op.inputs * op.outputs;
    else if (op.kind === 'embedding') products += 2 * op.vocabulary * op.outputs;
    else products += op.outputs;
  }
  return products;
}

/**
 * Fresh parameters: kernels and embeddings by their initialiser, or by `standard` where they name none; biases and offsets 0,
 * scales and moving variances 1, moving means 0.
 */
export function initialParameters(
  plan: NetworkPlan,
  random: RandomStream,
  standard: Initializer = 'glorot_uniform',
): Float32Array[] {
  const values = plan.parameters.map((parameter) => new Float32Array(sizeOf(parameter)));
  for (const operation of plan.operations) {
    if (operation.kind === 'dense') {
      const { inputs, outputs, initializer } = operation;
      initialise(values[operation.kernel]!, initializer ?? standard, inputs, outputs, random);
    } else if (operation.kind === 'embedding') {
      const { vocabulary, outputs, initializer } = operation;
      initialise(values[operation.table]!, initializer ?? 'random_uniform', vocabulary, outputs, random);
    } else if (operation.kind === 'batch_norm') {
      values[operation.gamma]!.fill(1);
      values[operation.movingVariance]!.fill(1);
    } else if (operation.kind === 'layer_norm') {
      values[operation.gamma]!.fill(1);
    }
  }
  return values;
}
