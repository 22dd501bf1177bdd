import type { Activation } from './model-spec.js';

const round = Math.fround;

/** Adds the bias to each row and applies the activation, in place, each rounded to float32 as separate operations are. */
export function activate(
  values: Float32Array,
  bias: Float32Array,
  rows: number,
  width: number,
  activation: Activation,
): void {
  for (let i = 0; i < rows; i += 1) {
    const start = i * width;
    for (let j = 0; j < width; j += 1) values[start + j] = values[start + j]! + bias[j]!;
  }
  const size = rows * width;
  if (activation === 'relu') {
    for (let i = 0; i < size; i += 1) if (values[i]! < 0) values[i] = 0;
  } else if (activation === 'sigmoid') {
    for (let i = 0; i < size; i += 1) values[i] = 1 / (1 + Math.exp(-values[i]!));
  } else if (activation === 'tanh') {
    for (let i = 0; i < size; i += 1) values[i] = Math.tanh(values[i]!);
  } else if (activation === 'softmax') {
    for (let i = 0; i < rows; i += 1) softmaxRow(values, i * width, width);
  }
}

/** e^(z − max) / Σ, in place: never overflows, and the row sums to 1 within float32 rounding. */
function softmaxRow(values: Float32Array, start: number, width: number): void {
  let highest = -Infinity;
  for (let j = start; j < start + width; j += 1) if (values[j]! > highest) highest = values[j]!;
  let total = 0;
  for (let j = start; j < start + width; j += 1) {
    const value = Math.exp(values[j]! - highest);
    values[j] = value;
    total += value;
  }
  for (let j = start; j < start + width; j += 1) values[j] = values[j]! / total;
}

/** Multiplies `gradient` by the activation's derivative, from the activation's output, in place. */
export function activationGradient(
  gradient: Float32Array,
  output: Float32Array,
  size: number,
  activation: Activation,
): void {
  if (activation === 'relu') {
    for (let i = 0; i < size; i += 1) if (!(output[i]! > 0)) gradient[i] = gradient[i]! * 0;
  } else if (activation === 'sigmoid') {
    for (let i = 0; i < size; i += 1) gradient[i] = gradient[i]! * round(output[i]! * round(1 - output[i]!));
  } else if (activation === 'tanh') {
    for (let i = 0; i < size; i += 1) gradient[i] = gradient[i]! * round(1 - round(output[i]! * output[i]!));
  }
}
