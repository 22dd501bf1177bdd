import type { TrainCase } from './train-cases.js';

/**
 * Fits a network of relu layers and softmax cross-entropy by plain SGD in loops over typed arrays, in the order of the rows: no
 * library, no shuffle, no metric, no check. The reference for what the arithmetic itself costs in JavaScript; in doubles, which
 * saves it the conversions. Gives the mean loss of the last epoch.
 */
export function bareLoopFit(one: TrainCase, rows: number, epochs: number): number {
  const { batch, features, targets } = one;
  const widths = [one.width, ...one.hidden, one.classes];
  const layers = widths.slice(1).map((outputs, i) => {
    const inputs = widths[i]!;
    const limit = Math.sqrt(6 / (inputs + outputs));
    return {
      inputs,
      outputs,
      kernel: Float64Array.from({ length: inputs * outputs }, (_, k) => Math.sin(k * 12.9898) * limit),
      bias: new Float64Array(outputs),
      values: new Float64Array(batch * outputs),
      gradient: new Float64Array(batch * outputs),
    };
  });
  const rate = 0.01;
  const last = layers[layers.length - 1]!;
  let loss = 0;
  for (let epoch = 0; epoch < epochs; epoch += 1) {
    loss = 0;
    for (let start = 0; start < rows; start += batch) {
      const size = Math.min(batch, rows - start);
      let input: Float32Array | Float64Array = features.subarray(
        start * one.width,
        (start + size) * one.width,
      );
      for (const layer of layers) {
        forward(input, layer, size, layer !== last);
        input = layer.values;
      }
      for (let row = 0; row < size; row += 1) {
        const at = row * last.outputs;
        let highest = -Infinity;
        for (let c = 0; c < last.outputs; c += 1) highest = Math.max(highest, last.values[at + c]!);
        let total = 0;
        for (let c = 0; c < last.outputs; c += 1) total += Math.exp(last.values[at + c]! - highest);
        const label = targets[start + row]!;
        loss += Math.log(total) + highest - last.values[at + label]!;
        for (let c = 0; c < last.outputs; c += 1) {
          const probability = Math.exp(last.values[at + c]! - highest) / total;
          last.gradient[at + c] = ((probability - (c === label ? 1 : 0)) * rate) / size;
        }
      }
      for (let l = layers.length - 1; l >= 0; l -= 1) {
        const before = layers[l - 1];
        const from = before?.values ?? features.subarray(start * one.width, (start + size) * one.width);
        backward(from, layers[l]!, size, before?.gradient);
      }
    }
  }
  return loss / rows;
}

interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: Float64Array;
  readonly bias: Float64Array;
  readonly values: Float64Array;
  readonly gradient: Float64Array;
}

function forward(input: Float32Array | Float64Array, layer: Layer, rows: number, relu: boolean): void {
  const { inputs, outputs, kernel, bias, values } = layer;
  for (let row = 0; row < rows; row += 1) {
    const at = row * outputs;
    for (let j = 0; j < outputs; j += 1) values[at + j] = bias[j]!;
    for (let k = 0; k < inputs; k += 1) {
      const x = input[row * inputs + k]!;
      const weights = k * outputs;
      for (let j = 0; j < outputs; j += 1) values[at + j]! += x * kernel[weights + j]!;
    }
    if (relu) for (let j = 0; j < outputs; j += 1) if (values[at + j]! < 0) values[at + j] = 0;
  }
}

/** Writes the gradient of the input, if it is wanted, and changes the parameters. */
function backward(
  input: Float32Array | Float64Array,
  layer: Layer,
  rows: number,
  inputGradient: Float64Array | undefined,
): void {
  const { inputs, outputs, kernel, bias, gradient } = layer;
  if (inputGradient !== undefined) {
    for (let row = 0; row < rows; row += 1) {
      for (let k = 0; k < inputs; k += 1) {
        let sum = 0;
        // The derivative of the relu that made this input.
        if (input[row * inputs + k]! > 0)
          for (let j = 0; j < outputs; j += 1) sum += gradient[row * outputs + j]! * kernel[k * outputs + j]!;
        inputGradient[row * inputs + k] = sum;
      }
    }
  }
  for (let row = 0; row < rows; row += 1) {
    const at = row * outputs;
    for (let k = 0; k < inputs; k += 1) {
      const x = input[row * inputs + k]!;
      if (x === 0) continue;
      const weights = k * outputs;
      for (let j = 0; j < outputs; j += 1) kernel[weights + j]! -= x * gradient[at + j]!;
    }
    for (let j = 0; j < outputs; j += 1) bias[j]! -= gradient[at + j]!;
  }
}
