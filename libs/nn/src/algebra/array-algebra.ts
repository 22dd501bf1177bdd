import { columnSums, multiply, multiplyTransposedLeft, multiplyTransposedRight } from '../matrix-products.js';
import * as loops from './array-loops.js';
import type { HostAlgebra } from './algebra.js';

/** A matrix in the first rows × columns numbers of an array, row by row. */
export interface Matrix {
  data: Float32Array;
  rows: number;
  columns: number;
}

/**
 * The algebra over typed arrays. It gives the bits of TensorFlow.js's cpu backend: sums and functions in double precision, one
 * rounding a result. A scope's values reuse the arrays of the scope before, so that steady steps allocate nothing large.
 */
export function arrayAlgebra(): HostAlgebra<Matrix> {
  const pool: Float32Array[] = [];
  let used = 0;
  const scalars = new Map<number, Matrix>();
  const ones: Matrix[] = [];

  const make = (rows: number, columns: number): Matrix => {
    const size = rows * columns;
    let data = pool[used];
    if (data === undefined || data.length < size) pool[used] = data = new Float32Array(size);
    used += 1;
    return { data, rows, columns };
  };
  const binary =
    (loop: loops.BinaryLoop) =>
    (a: Matrix, b: Matrix): Matrix => {
      const out = make(Math.max(a.rows, b.rows), Math.max(a.columns, b.columns));
      loop(a, b, out);
      return out;
    };
  const unary =
    (loop: loops.UnaryLoop) =>
    (x: Matrix): Matrix => {
      const out = make(x.rows, x.columns);
      loop(x.data, x.rows * x.columns, out.data);
      return out;
    };
  const matmul = (a: Matrix, b: Matrix, transpose: { a?: boolean; b?: boolean } = {}): Matrix => {
    if (transpose.a === true) {
      const out = make(a.columns, b.columns);
      multiplyTransposedLeft(a.data, b.data, a.rows, a.columns, b.columns, out.data);
      return out;
    }
    if (transpose.b === true) {
      const out = make(a.rows, b.rows);
      multiplyTransposedRight(a.data, b.data, a.rows, b.rows, a.columns, out.data);
      return out;
    }
    const out = make(a.rows, b.columns);
    multiply(a.data, b.data, a.rows, a.columns, b.columns, out.data);
    return out;
  };
  const sumRows = (x: Matrix): Matrix => {
    const out = make(1, x.columns);
    columnSums(x.data, x.rows, x.columns, out.data);
    return out;
  };
  const add = binary(loops.add);
  const subtract = binary(loops.subtract);
  const columnOfOnes = (rows: number): Matrix =>
    (ones[rows] ??= { data: new Float32Array(rows).fill(1), rows, columns: 1 });

  return {
    scalar(value) {
      let known = scalars.get(value);
      if (known === undefined) {
        known = { data: Float32Array.of(value), rows: 1, columns: 1 };
        scalars.set(value, known);
      }
      return known;
    },
    add,
    subtract,
    multiply: binary(loops.multiply),
    divide: binary(loops.divide),
    maximum: binary(loops.maximum),
    minimum: binary(loops.minimum),
    exp: unary(loops.exp),
    sqrt: unary(loops.sqrt),
    tanh: unary(loops.tanh),
    sigmoid: unary(loops.sigmoid),
    erf: unary(loops.erf),
    relu: unary(loops.relu),
    softplus: unary(loops.softplus),
    sign: unary(loops.sign),
    positive: unary(loops.positive),
    logSoftmax(x) {
      const out = make(x.rows, x.columns);
      loops.logSoftmax(x, out.data);
      return out;
    },
    matmul,
    linear(x, kernel, bias) {
      const out = matmul(x, kernel);
      if (bias !== undefined) loops.addRow(out, bias.data);
      return out;
    },
    subtractProduct: (value, left, right) => subtract(value, matmul(left, right, { a: true })),
    subtractRows: (value, x) => subtract(value, sumRows(x)),
    sumRows,
    sumColumns: (x) => matmul(x, columnOfOnes(x.columns)),
    columns(x, from, to) {
      const out = make(x.rows, to - from);
      loops.copyColumns(x, from, to, out, 0);
      return out;
    },
    concat(parts) {
      const out = make(
        parts[0]!.rows,
        parts.reduce((sum, part) => sum + part.columns, 0),
      );
      let at = 0;
      for (const part of parts) {
        loops.copyColumns(part, 0, part.columns, out, at);
        at += part.columns;
      }
      return out;
    },
    oneHot(codes, size) {
      const out = make(codes.rows, size);
      out.data.fill(0, 0, codes.rows * size);
      for (let i = 0; i < codes.rows; i += 1) {
        const code = codes.data[i]!;
        if (code >= 0 && code < size && Number.isInteger(code)) out.data[i * size + code] = 1;
      }
      return out;
    },
    input: (data, rows, columns) => ({ data, rows, columns }),
    state: (values, rows, columns) => ({ data: values.slice(0, rows * columns), rows, columns }),
    assign(state, next) {
      const size = state.rows * state.columns;
      state.data.set(next.data.length === size ? next.data : next.data.subarray(0, size));
      return state;
    },
    read: (x) => x.data.slice(0, x.rows * x.columns),
    free: () => undefined,
    scope(work) {
      used = 0;
      work();
    },
  };
}
