import type { Matrix } from './array-algebra.js';

export type BinaryLoop = (a: Matrix, b: Matrix, out: Matrix) => void;
export type UnaryLoop = (x: Float32Array, size: number, out: Float32Array) => void;

/** Steps from one column and from one row to the next; 0 where the matrix is broadcast. */
const columnStep = (x: Matrix): number => (x.columns === 1 ? 0 : 1);
const rowStep = (x: Matrix): number => (x.rows === 1 ? 0 : x.columns);
const alike = (a: Matrix, b: Matrix): boolean => a.rows === b.rows && a.columns === b.columns;

/** Loops of operations on two matrices. The four of arithmetic are written out: that lets V8 compile each by itself. */
export function add(a: Matrix, b: Matrix, out: Matrix): void {
  const size = out.rows * out.columns;
  const x = a.data;
  const y = b.data;
  const z = out.data;
  if (alike(a, b)) {
    for (let i = 0; i < size; i += 1) z[i] = x[i]! + y[i]!;
    return;
  }
  const ac = columnStep(a);
  const ar = rowStep(a);
  const bc = columnStep(b);
  const br = rowStep(b);
  for (let i = 0, at = 0; i < out.rows; i += 1) {
    for (let j = 0; j < out.columns; j += 1, at += 1) z[at] = x[i * ar + j * ac]! + y[i * br + j * bc]!;
  }
}

export function subtract(a: Matrix, b: Matrix, out: Matrix): void {
  const size = out.rows * out.columns;
  const x = a.data;
  const y = b.data;
  const z = out.data;
  if (alike(a, b)) {
    for (let i = 0; i < size; i += 1) z[i] = x[i]! - y[i]!;
    return;
  }
  const ac = columnStep(a);
  const ar = rowStep(a);
  const bc = columnStep(b);
  const br = rowStep(b);
  for (let i = 0, at = 0; i < out.rows; i += 1) {
    for (let j = 0; j < out.columns; j += 1, at += 1) z[at] = x[i * ar + j * ac]! - y[i * br + j * bc]!;
  }
}

export function multiply(a: Matrix, b: Matrix, out: Matrix): void {
  const size = out.rows * out.columns;
  const x = a.data;
  const y = b.data;
  const z = out.data;
  if (alike(a, b)) {
    for (let i = 0; i < size; i += 1) z[i] = x[i]! * y[i]!;
    return;
  }
  const ac = columnStep(a);
  const ar = rowStep(a);
  const bc = columnStep(b);
  const br = rowStep(b);
  for (let i = 0, at = 0; i < out.rows; i += 1) {
    for (let j = 0; j < out.columns; j += 1, at += 1) z[at] = x[i * ar + j * ac]! * y[i * br + j * bc]!;
  }
}

export function divide(a: Matrix, b: Matrix, out: Matrix): void {
  const size = out.rows * out.columns;
  const x = a.data;
  const y = b.data;
  const z = out.data;
  if (alike(a, b)) {
    for (let i = 0; i < size; i += 1) z[i] = x[i]! / y[i]!;
    return;
  }
  const ac = columnStep(a);
  const ar = rowStep(a);
  const bc = columnStep(b);
  const br = rowStep(b);
  for (let i = 0, at = 0; i < out.rows; i += 1) {
    for (let j = 0; j < out.columns; j += 1, at += 1) z[at] = x[i * ar + j * ac]! / y[i * br + j * bc]!;
  }
}

function pairwise(choose: (a: number, b: number) => number): BinaryLoop {
  return (a, b, out) => {
    const ac = columnStep(a);
    const ar = rowStep(a);
    const bc = columnStep(b);
    const br = rowStep(b);
    for (let i = 0, at = 0; i < out.rows; i += 1) {
      for (let j = 0; j < out.columns; j += 1, at += 1)
        out.data[at] = choose(a.data[i * ar + j * ac]!, b.data[i * br + j * bc]!);
    }
  };
}
export const maximum = pairwise(Math.max);
export const minimum = pairwise(Math.min);

/** Adds a row to every row, in place. */
export function addRow(x: Matrix, row: Float32Array): void {
  const { data, columns } = x;
  const size = x.rows * columns;
  for (let start = 0; start < size; start += columns)
    for (let j = 0; j < columns; j += 1) data[start + j] = data[start + j]! + row[j]!;
}

export const exp: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = Math.exp(x[i]!);
};
export const sqrt: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = Math.sqrt(x[i]!);
};
export const tanh: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = Math.tanh(x[i]!);
};
export const sigmoid: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = 1 / (1 + Math.exp(-x[i]!));
};
export const relu: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = Math.max(x[i]!, 0);
};
export const positive: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = x[i]! > 0 ? 1 : 0;
};
export const sign: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = Math.sign(x[i]!);
};
export const softplus: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = softplusOf(x[i]!);
};
export const erf: UnaryLoop = (x, size, out) => {
  for (let i = 0; i < size; i += 1) out[i] = erfOf(x[i]!);
};

/** Beyond it, ln(1 + eˣ) is x or eˣ to float32's precision. */
const softplusLimit = -(Math.log(2 ** -23) + 2);

/** ln(1 + eˣ), without overflow. */
export function softplusOf(x: number): number {
  if (x > softplusLimit) return x;
  return x < -softplusLimit ? Math.exp(x) : Math.log(1 + Math.exp(x));
}

/** The error function within 1.5e-7 (Abramowitz and Stegun 7.1.26), which TensorFlow.js's cpu backend takes as well. */
export function erfOf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

/** z − max − ln Σ e^(z − max) of each row. */
export function logSoftmax(x: Matrix, out: Float32Array): void {
  for (let i = 0; i < x.rows; i += 1) {
    const start = i * x.columns;
    const end = start + x.columns;
    let highest = -Infinity;
    for (let j = start; j < end; j += 1) if (x.data[j]! > highest) highest = x.data[j]!;
    let total = 0;
    for (let j = start; j < end; j += 1) total += Math.exp(x.data[j]! - highest);
    const shift = highest + Math.log(total);
    for (let j = start; j < end; j += 1) out[j] = x.data[j]! - shift;
  }
}

/** Columns `from` to `to` of `x` to the columns of `out` from `at` on. */
export function copyColumns(x: Matrix, from: number, to: number, out: Matrix, at: number): void {
  for (let i = 0; i < x.rows; i += 1) {
    for (let j = from; j < to; j += 1) out.data[i * out.columns + at + j - from] = x.data[i * x.columns + j]!;
  }
}
