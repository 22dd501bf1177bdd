import { activateRow } from './row-activations.js';
import type { Operation, OperationOf } from './layers/operation.js';
import type { NetworkPlan } from './network-plan.js';
import type { Activation } from './spec/layer-spec.js';

/** Computes `rows` rows of inputs into `out`. */
export type CompiledNetwork = (features: Float32Array, rows: number, out: Float32Array) => void;

/** One operation on one row: reads its sources, of which the network's input starts at `offset`, and writes its own `output`. */
interface Stage {
  output: Float32Array;
  /** Whether its first source is the network's input. */
  fromInput: boolean;
  run(input: Float32Array, offset: number): void;
}

/** Inputs up to which the cpu backend's matrix product sums in one go; see matrix-products.ts. */
const block = 48;

/**
 * The forward pass as loops over typed arrays, row by row: no tensor, no allocation in a call. Sums run in the
 * order and precision of the cpu backend. Dropout does nothing in prediction; batch norm is one scale and shift.
 */
export function compileNetwork(plan: NetworkPlan, parameters: readonly Float32Array[]): CompiledNetwork {
  const stages: Stage[] = [];
  /** The row of each value; the network's input is read where it lies, unless it is not an operation's first source. */
  const values: Float32Array[] = [new Float32Array(plan.inputs)];
  const inputs: Float32Array[] = [];
  for (const operation of plan.operations) {
    const stage = stageOf(operation, parameters, values);
    const source = values[operation.sources[0]!]!;
    if (stage === undefined) {
      values.push(source);
      continue;
    }
    values.push(stage.output);
    stages.push({ ...stage, fromInput: source === values[0] });
    inputs.push(source);
  }
  const { outputs } = plan;
  const [copy] = values as [Float32Array];
  const copies = plan.operations.some(
    ({ kind, sources }) => sources.includes(0, 1) || (kind === 'concat' && sources.includes(0)),
  );
  const last = values.at(-1)!;
  return (features, rows, out) => {
    for (let row = 0; row < rows; row += 1) {
      const at = row * plan.inputs;
      if (copies) for (let j = 0; j < copy.length; j += 1) copy[j] = features[at + j]!;
      for (let i = 0; i < stages.length; i += 1) {
        const stage = stages[i]!;
        if (stage.fromInput) stage.run(features, at);
        else stage.run(inputs[i]!, 0);
      }
      const start = row * outputs;
      for (let j = 0; j < outputs; j += 1) out[start + j] = last[j]!;
    }
  };
}

/** The stage of an operation; undefined where it does nothing in prediction. */
function stageOf(
  operation: Operation,
  parameters: readonly Float32Array[],
  values: readonly Float32Array[],
): Omit<Stage, 'fromInput'> | undefined {
  switch (operation.kind) {
    case 'dropout':
      return undefined;
    case 'dense':
      return denseStage(operation, parameters);
    case 'batch_norm':
      return batchNormStage(operation, parameters);
    case 'layer_norm':
      return layerNormStage(operation, parameters);
    case 'activation': {
      const output = new Float32Array(operation.outputs);
      const { activation } = operation;
      return {
        output,
        run(input, offset) {
          for (let j = 0; j < output.length; j += 1) output[j] = input[offset + j]!;
          activateRow(output, undefined, activation);
        },
      };
    }
    case 'embedding': {
      const output = new Float32Array(operation.outputs);
      const table = parameters[operation.table]!;
      return {
        output,
        run(input, offset) {
          // A code that the table has no row for is taken for the first, which codes keep for what is not known.
          const code = input[offset]!;
          const row = code > 0 && code < operation.vocabulary ? Math.trunc(code) : 0;
          for (let j = 0; j < output.length; j += 1) output[j] = table[row * output.length + j]!;
        },
      };
    }
    case 'columns': {
      const output = new Float32Array(operation.outputs);
      const { from } = operation;
      return {
        output,
        run(input, offset) {
          for (let j = 0; j < output.length; j += 1) output[j] = input[offset + from + j]!;
        },
      };
    }
    case 'concat': {
      const output = new Float32Array(operation.outputs);
      const parts = operation.sources.map((source) => values[source]!);
      return {
        output,
        run() {
          let at = 0;
          for (const part of parts) {
            output.set(part, at);
            at += part.length;
          }
        },
      };
    }
    case 'add':
      return addStage(operation, values);
  }
}

function addStage(
  { sources, outputs }: OperationOf<'add'>,
  values: readonly Float32Array[],
): Omit<Stage, 'fromInput'> {
  const output = new Float32Array(outputs);
  const others = sources.slice(1).map((source) => values[source]!);
  return {
    output,
    run(input, offset) {
      for (let j = 0; j < outputs; j += 1) output[j] = input[offset + j]!;
      for (const other of others) for (let j = 0; j < outputs; j += 1) output[j] = output[j]! + other[j]!;
    },
  };
}

function denseStage(
  operation: OperationOf<'dense'>,
  parameters: readonly Float32Array[],
): Omit<Stage, 'fromInput'> {
  const { inputs, outputs, activation } = operation;
  const bias = operation.bias < 0 ? undefined : parameters[operation.bias]!;
  const quads = Math.ceil(outputs / 4);
  // Four outputs side by side: four independent sums keep the processor's adders busy.
  const packed = new Float32Array(quads * 4 * inputs);
  const kernel = parameters[operation.kernel]!;
  for (let k = 0; k < inputs; k += 1) {
    for (let j = 0; j < outputs; j += 1)
      packed[((j >> 2) * inputs + k) * 4 + (j & 3)] = kernel[k * outputs + j]!;
  }
  const sums = new Float32Array(quads * 4);
  const output = sums.subarray(0, outputs);
  return {
    output,
    run: (input, offset) => runDense(input, offset, packed, inputs, sums, output, bias, activation),
  };
}

function runDense(
  input: Float32Array,
  offset: number,
  packed: Float32Array,
  inputs: number,
  sums: Float32Array,
  output: Float32Array,
  bias: Float32Array | undefined,
  activation: Activation,
): void {
  let at = 0;
  for (let j = 0; j < sums.length; j += 4) {
    for (let from = 0; from < inputs; from += block) {
      const to = Math.min(from + block, inputs);
      let s0 = 0;
      let s1 = 0;
      let s2 = 0;
      let s3 = 0;
      for (let k = from; k < to; k += 1, at += 4) {
        const value = input[offset + k]!;
        s0 += value * packed[at]!;
        s1 += value * packed[at + 1]!;
        s2 += value * packed[at + 2]!;
        s3 += value * packed[at + 3]!;
      }
      if (from > 0) {
        s0 += sums[j]!;
        s1 += sums[j + 1]!;
        s2 += sums[j + 2]!;
        s3 += sums[j + 3]!;
      }
      sums[j] = s0;
      sums[j + 1] = s1;
      sums[j + 2] = s2;
      sums[j + 3] = s3;
    }
  }
  activateRow(output, bias, activation);
}

function batchNormStage(
  operation: OperationOf<'batch_norm'>,
  parameters: readonly Float32Array[],
): Omit<Stage, 'fromInput'> {
  const { outputs: width, epsilon } = operation;
  const scale = new Float64Array(width);
  const shift = new Float64Array(width);
  for (let j = 0; j < width; j += 1) {
    const variance = parameters[operation.movingVariance]![j]!;
    scale[j] = parameters[operation.gamma]![j]! / Math.sqrt(variance + epsilon);
    shift[j] = parameters[operation.beta]![j]! - parameters[operation.movingMean]![j]! * scale[j]!;
  }
  const output = new Float32Array(width);
  return {
    output,
    run(input, offset) {
      for (let j = 0; j < width; j += 1) output[j] = input[offset + j]! * scale[j]! + shift[j]!;
    },
  };
}

function layerNormStage(
  operation: OperationOf<'layer_norm'>,
  parameters: readonly Float32Array[],
): Omit<Stage, 'fromInput'> {
  const { outputs: width, epsilon } = operation;
  const gamma = parameters[operation.gamma]!;
  const beta = parameters[operation.beta]!;
  const output = new Float32Array(width);
  return {
    output,
    run(input, offset) {
      let sum = 0;
      for (let j = 0; j < width; j += 1) sum += input[offset + j]!;
      const mean = sum / width;
      let squares = 0;
      for (let j = 0; j < width; j += 1) squares += (input[offset + j]! - mean) ** 2;
      const inverse = 1 / Math.sqrt(squares / width + epsilon);
      for (let j = 0; j < width; j += 1)
        output[j] = (input[offset + j]! - mean) * inverse * gamma[j]! + beta[j]!;
    },
  };
}
