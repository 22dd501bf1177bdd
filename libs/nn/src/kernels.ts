import { engine, scalar } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { Activation } from './model-spec.js';

/*
 * TensorFlow.js's kernels called by name. The public functions (tf.add, tf.matMul …) check and convert their
 * arguments first and prepare for a gradient tape; with gradients derived by hand that is a third of a small step.
 */
function kernel(
  name: string,
  inputs: Record<string, Tensor>,
  attributes: Record<string, number | boolean> = {},
): Tensor {
  return engine().runKernel<Tensor>(name, inputs, attributes);
}

export const add = (a: Tensor, b: Tensor): Tensor => kernel('Add', { a, b });
export const subtract = (a: Tensor, b: Tensor): Tensor => kernel('Sub', { a, b });
export const multiply = (a: Tensor, b: Tensor): Tensor => kernel('Multiply', { a, b });
export const divide = (a: Tensor, b: Tensor): Tensor => kernel('RealDiv', { a, b });
export const squareRoot = (x: Tensor): Tensor => kernel('Sqrt', { x });

/** a · b of two matrices, either transposed first. */
export function matrixProduct(a: Tensor, b: Tensor, transposeA = false, transposeB = false): Tensor {
  return kernel('BatchMatMul', { a, b }, { transposeA, transposeB });
}

/** The activation of a hidden layer. */
export function activateTensor(x: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return kernel('Relu', { x });
  if (activation === 'sigmoid') return kernel('Sigmoid', { x });
  if (activation === 'tanh') return kernel('Tanh', { x });
  return x;
}

/** `gradient` times the derivative of the activation, from the activation's output `y`. */
export function activationGradientTensor(gradient: Tensor, y: Tensor, activation: Activation): Tensor {
  if (activation === 'relu') return multiply(gradient, kernel('Step', { x: y }, { alpha: 0 }));
  if (activation === 'sigmoid') return multiply(gradient, multiply(y, subtract(scalar(1), y)));
  if (activation === 'tanh') return multiply(gradient, subtract(scalar(1), multiply(y, y)));
  return gradient;
}
