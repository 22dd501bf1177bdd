import { engine, keep, ones, range, reshape, scalar, tensor2d, tidy } from '@tensorflow/tfjs-core';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostAlgebra } from './algebra.js';

/*
 * TensorFlow.js's kernels called by name. The public functions (tf.add, tf.matMul …) check and convert their
 * arguments first and prepare for a gradient tape; with gradients derived by hand that is a third of a small step.
 */
function kernel(
  name: string,
  inputs: Record<string, Tensor> | Tensor[],
  attributes: Record<string, number | boolean | string | number[]> = {},
): Tensor {
  return engine().runKernel<Tensor>(name, inputs as Record<string, Tensor>, attributes);
}

const unary =
  (name: string) =>
  (x: Tensor): Tensor =>
    kernel(name, { x });
const binary =
  (name: string) =>
  (a: Tensor, b: Tensor): Tensor =>
    kernel(name, { a, b });

const add = binary('Add');
const subtract = binary('Sub');

function matmul(a: Tensor, b: Tensor, transpose: { a?: boolean; b?: boolean } = {}): Tensor {
  return kernel(
    'BatchMatMul',
    { a, b },
    { transposeA: transpose.a === true, transposeB: transpose.b === true },
  );
}

/** As a product: every backend has a fast one. */
const sumRows = (x: Tensor): Tensor => matmul(ones([1, x.shape[0]]), x);

const sumColumns = (x: Tensor): Tensor => matmul(x, ones([x.shape[1]!, 1]));

/** The algebra over tensors of the backend in use. */
export function tensorAlgebra(): HostAlgebra<Tensor> {
  return {
    scalar: (value) => scalar(value),
    add,
    subtract,
    multiply: binary('Multiply'),
    divide: binary('RealDiv'),
    maximum: binary('Maximum'),
    minimum: binary('Minimum'),
    exp: unary('Exp'),
    sqrt: unary('Sqrt'),
    tanh: unary('Tanh'),
    sigmoid: unary('Sigmoid'),
    erf: unary('Erf'),
    relu: unary('Relu'),
    softplus: unary('Softplus'),
    sign: unary('Sign'),
    positive: (x) => kernel('Step', { x }, { alpha: 0 }),
    logSoftmax(x) {
      const highest = kernel('Max', { x }, { reductionIndices: [1], keepDims: true });
      const shifted = subtract(x, reshape(highest, [x.shape[0], 1]));
      const total = sumColumns(kernel('Exp', { x: shifted }));
      return subtract(shifted, kernel('Log', { x: total }));
    },
    matmul,
    linear(x, weights, bias) {
      const product = matmul(x, weights);
      return bias === undefined ? product : add(product, bias);
    },
    subtractProduct: (value, left, right) => subtract(value, matmul(left, right, { a: true })),
    subtractRows: (value, x) => subtract(value, sumRows(x)),
    sumRows,
    sumColumns,
    columns: (x, from, to) => kernel('Slice', { x }, { begin: [0, from], size: [x.shape[0], to - from] }),
    concat: (parts) => kernel('Concat', [...parts], { axis: 1 }),
    oneHot(codes, size) {
      const equal = kernel('Equal', { a: codes, b: reshape(range(0, size), [1, size]) });
      return kernel('Cast', { x: equal }, { dtype: 'float32' });
    },
    input: (values, rows, columns) => tensor2d(values.slice(0, rows * columns), [rows, columns]),
    state: (values, rows, columns) => keep(tensor2d(values.slice(0, rows * columns), [rows, columns])),
    assign(state, next) {
      state.dispose();
      return keep(next);
    },
    read: (x) => Float32Array.from(x.dataSync()),
    free: (state) => {
      state.dispose();
    },
    scope: (work) => {
      tidy(work);
    },
  };
}
