import { Tensor, reshape, sign, stridedSlice, transpose } from '@tensorflow/tfjs-core';

/*
 * TensorFlow.js's orthogonal initialiser, which every recurrent layer has by default, calls these as methods of a tensor. Its all-in-one
 * package registers such methods; the modular ones that are used here do not.
 */
type Methods = Record<string, (this: Tensor, ...args: never[]) => Tensor>;
const missing: Methods = {
  flatten() {
    return reshape(this, [this.size]);
  },
  reshape(shape: number[]) {
    return reshape(this, shape);
  },
  sign() {
    return sign(this);
  },
  transpose() {
    return transpose(this);
  },
  stridedSlice(begin: number[], end: number[], strides: number[]) {
    return stridedSlice(this, begin, end, strides);
  },
};

/** Registers the methods that are not there yet. */
export function registerChainedOps(): void {
  const prototype = Tensor.prototype as unknown as Methods;
  for (const [name, method] of Object.entries(missing)) prototype[name] ??= method;
}
