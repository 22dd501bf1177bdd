import { activate } from './activations.js';
import type { Activation } from './model-spec.js';
import type { BatchNormOperation, DenseOperation, NetworkPlan } from './network-plan.js';

/** Computes `rows` rows of inputs into `out`. */
export type CompiledNetwork = (features: Float32Array, rows: number, out: Float32Array) => void;

/** One layer on one row: reads `input` from `offset`, writes its own `output`. */
interface Stage {
  output: Float32Array;
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
  for (const operation of plan.operations) {
    if (operation.kind === 'dense') stages.push(denseStage(operation, parameters));
    else if (operation.kind === 'batch_norm') stages.push(batchNormStage(operation, parameters));
  }
  const { inputs, outputs } = plan;
  const last = stages[stages.length - 1]!.output;
  return (features, rows, out) => {
    for (let row = 0; row < rows; row += 1) {
      stages[0]!.run(features, row * inputs);
      for (let i = 1; i < stages.length; i += 1) stages[i]!.run(stages[i - 1]!.output, 0);
      const start = row * outputs;
      for (let j = 0; j < outputs; j += 1) out[start + j] = last[j]!;
    }
  };
}

function denseStage(operation: DenseOperation, parameters: readonly Float32Array[]): Stage {
  const { inputs, outputs, activation } = operation;
  const bias = parameters[operation.bias]!;
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
  bias: Float32Array,
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
  activate(output, bias, 1, output.length, activation);
}

function batchNormStage(operation: BatchNormOperation, parameters: readonly Float32Array[]): Stage {
  const { width, epsilon } = operation;
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
