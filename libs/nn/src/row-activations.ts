import { erfOf, softplusOf } from './algebra/array-loops.js';
import { leakySlope, seluAlpha, seluScale } from './layers/activation.js';
import type { Activation } from './spec/layer-spec.js';

/** Functions of one number, for the activations that are rare enough to be called through one. */
const functions: Partial<Record<Activation, (x: number) => number>> = {
  elu: (x) => (x > 0 ? x : Math.exp(x) - 1),
  selu: (x) => seluScale * (x > 0 ? x : seluAlpha * (Math.exp(x) - 1)),
  gelu: (x) => 0.5 * x * (1 + erfOf(x * Math.SQRT1_2)),
  silu: (x) => x / (1 + Math.exp(-x)),
  softplus: softplusOf,
  leaky_relu: (x) => (x > 0 ? x : leakySlope * x),
};

/** Adds the bias to a row and applies the activation, in place. */
export function activateRow(
  values: Float32Array,
  bias: Float32Array | undefined,
  activation: Activation,
): void {
  const width = values.length;
  if (bias !== undefined) for (let j = 0; j < width; j += 1) values[j] = values[j]! + bias[j]!;
  if (activation === 'linear') return;
  if (activation === 'relu') {
    for (let j = 0; j < width; j += 1) if (values[j]! < 0) values[j] = 0;
  } else if (activation === 'sigmoid') {
    for (let j = 0; j < width; j += 1) values[j] = 1 / (1 + Math.exp(-values[j]!));
  } else if (activation === 'tanh') {
    for (let j = 0; j < width; j += 1) values[j] = Math.tanh(values[j]!);
  } else if (activation === 'softmax') {
    softmaxRow(values);
  } else {
    const apply = functions[activation]!;
    for (let j = 0; j < width; j += 1) values[j] = apply(values[j]!);
  }
}

/** e^(z − max) / Σ, in place: never overflows, and the row sums to 1 within float32 rounding. */
function softmaxRow(values: Float32Array): void {
  const width = values.length;
  let highest = -Infinity;
  for (let j = 0; j < width; j += 1) if (values[j]! > highest) highest = values[j]!;
  let total = 0;
  for (let j = 0; j < width; j += 1) {
    const value = Math.exp(values[j]! - highest);
    values[j] = value;
    total += value;
  }
  for (let j = 0; j < width; j += 1) values[j] = values[j]! / total;
}
