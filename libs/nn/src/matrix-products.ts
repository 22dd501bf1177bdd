/*
 * Matrix products in the arithmetic of TensorFlow.js's cpu backend: double-precision sums over blocks of 48 of the
 * shared dimension, each block's sum added to a float32 result. The results are equal to the backend's to the
 * bit, so that both engines of the backend 'cpu' give the same fit. Four sums run side by side, which keeps the
 * processor's adders busy and changes no sum's order.
 */
const block = 48;

/**
 * out[m × n] = left · right, where element (i, k) of left is left[i · leftRow + k · leftColumn] and element (k, j)
 * of right is right[k · n + j]: left may be read transposed.
 */
function product(
  left: Float32Array,
  leftRow: number,
  leftColumn: number,
  right: Float32Array,
  m: number,
  shared: number,
  n: number,
  out: Float32Array,
): void {
  const whole = n - (n % 4);
  for (let i = 0; i < m; i += 1) {
    const target = i * n;
    for (let from = 0; from < shared; from += block) {
      const to = Math.min(from + block, shared);
      const start = i * leftRow + from * leftColumn;
      for (let j = 0; j < whole; j += 4) {
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        let a = start;
        let b = from * n + j;
        for (let k = from; k < to; k += 1) {
          const value = left[a]!;
          s0 += value * right[b]!;
          s1 += value * right[b + 1]!;
          s2 += value * right[b + 2]!;
          s3 += value * right[b + 3]!;
          a += leftColumn;
          b += n;
        }
        const at = target + j;
        if (from > 0) {
          s0 += out[at]!;
          s1 += out[at + 1]!;
          s2 += out[at + 2]!;
          s3 += out[at + 3]!;
        }
        out[at] = s0;
        out[at + 1] = s1;
        out[at + 2] = s2;
        out[at + 3] = s3;
      }
      for (let j = whole; j < n; j += 1) {
        let sum = 0;
        for (let k = from, a = start; k < to; k += 1, a += leftColumn) sum += left[a]! * right[k * n + j]!;
        out[target + j] = from > 0 ? out[target + j]! + sum : sum;
      }
    }
  }
}

/** out[rows × outputs] = a[rows × inputs] · b[inputs × outputs]: a layer's forward pass. */
export function multiply(
  a: Float32Array,
  b: Float32Array,
  rows: number,
  inputs: number,
  outputs: number,
  out: Float32Array,
): void {
  product(a, inputs, 1, b, rows, inputs, outputs, out);
}

/** out[inputs × outputs] = aᵀ · d for a[rows × inputs], d[rows × outputs]: the gradient of a kernel. */
export function multiplyTransposedLeft(
  a: Float32Array,
  d: Float32Array,
  rows: number,
  inputs: number,
  outputs: number,
  out: Float32Array,
): void {
  product(a, 1, inputs, d, inputs, rows, outputs, out);
}

/** out[rows × inputs] = d · bᵀ for d[rows × outputs], b[inputs × outputs]: the gradient of a layer's input. */
export function multiplyTransposedRight(
  d: Float32Array,
  b: Float32Array,
  rows: number,
  inputs: number,
  outputs: number,
  out: Float32Array,
): void {
  for (let i = 0; i < rows; i += 1) {
    const left = i * outputs;
    let k = 0;
    for (; k + 4 <= inputs; k += 4) {
      const right = k * outputs;
      const at = i * inputs + k;
      for (let from = 0; from < outputs; from += block) {
        const to = Math.min(from + block, outputs);
        let s0 = 0;
        let s1 = 0;
        let s2 = 0;
        let s3 = 0;
        for (let j = from; j < to; j += 1) {
          const value = d[left + j]!;
          const b0 = right + j;
          s0 += value * b[b0]!;
          s1 += value * b[b0 + outputs]!;
          s2 += value * b[b0 + 2 * outputs]!;
          s3 += value * b[b0 + 3 * outputs]!;
        }
        if (from > 0) {
          s0 += out[at]!;
          s1 += out[at + 1]!;
          s2 += out[at + 2]!;
          s3 += out[at + 3]!;
        }
        out[at] = s0;
        out[at + 1] = s1;
        out[at + 2] = s2;
        out[at + 3] = s3;
      }
    }
    for (; k < inputs; k += 1) {
      const right = k * outputs;
      const at = i * inputs + k;
      for (let from = 0; from < outputs; from += block) {
        const to = Math.min(from + block, outputs);
        let sum = 0;
        for (let j = from; j < to; j += 1) sum += d[left + j]! * b[right + j]!;
        out[at] = from > 0 ? out[at]! + sum : sum;
      }
    }
  }
}

/** out[outputs] = the column sums of d[rows × outputs]: the gradient of a bias. */
export function columnSums(d: Float32Array, rows: number, outputs: number, out: Float32Array): void {
  for (let j = 0; j < outputs; j += 1) {
    let total = 0;
    for (let from = 0; from < rows; from += block) {
      const to = Math.min(from + block, rows);
      let sum = 0;
      for (let i = from; i < to; i += 1) sum += d[i * outputs + j]!;
      total = from === 0 ? Math.fround(sum) : Math.fround(total + sum);
    }
    out[j] = total;
  }
}
