/**
 * Operations on matrices that every engine has. Layers, losses and optimizers are written once in terms of it: over typed
 * arrays and TensorFlow.js's tensors it computes, over a graph builder it writes an ONNX graph. All values are matrices; a
 * row, a column or a scalar (1 × 1) is broadcast. Each operation rounds its result to the precision of the values.
 */
export interface Algebra<T> {
  /** A constant 1 × 1 matrix. */
  scalar(value: number): T;
  add(a: T, b: T): T;
  subtract(a: T, b: T): T;
  multiply(a: T, b: T): T;
  divide(a: T, b: T): T;
  maximum(a: T, b: T): T;
  minimum(a: T, b: T): T;

  exp(x: T): T;
  sqrt(x: T): T;
  tanh(x: T): T;
  sigmoid(x: T): T;
  erf(x: T): T;
  relu(x: T): T;
  /** ln(1 + eˣ), without overflow. */
  softplus(x: T): T;
  /** −1, 0 or 1. */
  sign(x: T): T;
  /** 1 where x > 0, else 0. */
  positive(x: T): T;
  /** The logarithm of the softmax of each row. */
  logSoftmax(x: T): T;

  /** a · b, either transposed first. */
  matmul(a: T, b: T, transpose?: { a?: boolean; b?: boolean }): T;
  /** x · kernel + bias. */
  linear(x: T, kernel: T, bias: T | undefined): T;
  /** value − leftᵀ · right, where left has as many rows as right. */
  subtractProduct(value: T, left: T, right: T): T;
  /** value − the sum of the rows of x. */
  subtractRows(value: T, x: T, rows: number): T;
  /** Sums over the rows: a row. `rows` is the number of rows, which a graph must know. */
  sumRows(x: T, rows: number): T;
  /** Sums over the columns: a column. */
  sumColumns(x: T, columns: number): T;
  /** Columns `from` to `to` (which is left out). */
  columns(x: T, from: number, to: number): T;
  concat(parts: readonly T[]): T;
  /** A column of codes → one column for each of `size` codes, 1 where it is the row's. */
  oneHot(codes: T, size: number): T;
}

/** An algebra that computes at once. */
export interface HostAlgebra<T> extends Algebra<T> {
  /** A matrix of these numbers, which may be reused by the caller after the scope. */
  input(values: Float32Array, rows: number, columns: number): T;
  /** A copy that lives until `free`. */
  state(values: Float32Array, rows: number, columns: number): T;
  /** Gives a state a new value. */
  assign(state: T, next: T): T;
  read(x: T): Float32Array;
  free(state: T): void;
  /** Frees every temporary value made inside. */
  scope(work: () => void): void;
}
