import { elementNumbers } from './onnx-model.js';
import type { Algebra } from '../algebra/algebra.js';
import type { ElementType, OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './onnx-model.js';

/** Numbers of a graph: float32 for training, float64 to check the mathematics. */
export type Precision = 'float32' | 'float64';

const int = (value: number): OnnxAttribute => ({ kind: 'int', value });

/** Builds one graph operator by operator: the algebra over the names of values. */
export class GraphBuilder implements Algebra<string> {
  readonly precision: Precision;
  readonly #name: string;
  readonly #nodes: OnnxNode[] = [];
  readonly #constants = new Map<string, OnnxTensor>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];

  /** `name` starts the name of every value: a Scan's body must not reuse a name of the graph around it. */
  constructor(name: string, precision: Precision) {
    this.#name = name;
    this.precision = precision;
  }

  input(name: string, shape: (number | string)[], type: ElementType = this.precision): string {
    this.#inputs.push({ name, shape, type });
    return name;
  }

  /** Makes a value a result of the graph, in the order of the calls. */
  output(name: string, shape: (number | string)[]): void {
    this.#outputs.push({ name, shape, type: this.precision });
  }

  /** One operator with one result. */
  apply(operator: string, inputs: string[], attributes: Record<string, OnnxAttribute> = {}): string {
    const result = `${this.#name}_${this.#nodes.length}`;
    this.#nodes.push({ operator, inputs, outputs: [result], attributes });
    return result;
  }

  /** One operator with results of given names. */
  applyNamed(
    operator: string,
    inputs: string[],
    outputs: string[],
    attributes: Record<string, OnnxAttribute>,
  ): void {
    this.#nodes.push({ operator, inputs, outputs, attributes });
  }

  build(): OnnxGraph {
    return {
      name: this.#name,
      nodes: this.#nodes,
      constants: [...this.#constants.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /** A constant; equal ones are one. */
  constant(shape: number[], data: number[], type: OnnxTensor['type'] = this.precision): string {
    const key = `${type}:${shape.join('x')}:${data.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known.name;
    const name = `${this.#name}_c${this.#constants.size}`;
    this.#constants.set(key, { name, type, shape, data });
    return name;
  }

  /** A constant of many numbers, under a name that is its own. */
  weights(name: string, shape: [number, number], data: Float32Array): string {
    this.#constants.set(name, { name, type: 'float32', shape, data });
    return name;
  }

  #cast(x: string): string {
    return this.apply('Cast', [x], { to: int(elementNumbers[this.precision]) });
  }

  scalar(value: number): string {
    return this.constant([], [value]);
  }

  add(a: string, b: string): string {
    return this.apply('Add', [a, b]);
  }

  subtract(a: string, b: string): string {
    return this.apply('Sub', [a, b]);
  }

  multiply(a: string, b: string): string {
    return this.apply('Mul', [a, b]);
  }

  divide(a: string, b: string): string {
    return this.apply('Div', [a, b]);
  }

  maximum(a: string, b: string): string {
    return this.apply('Max', [a, b]);
  }

  minimum(a: string, b: string): string {
    return this.apply('Min', [a, b]);
  }

  exp(x: string): string {
    return this.apply('Exp', [x]);
  }

  sqrt(x: string): string {
    return this.apply('Sqrt', [x]);
  }

  tanh(x: string): string {
    return this.apply('Tanh', [x]);
  }

  sigmoid(x: string): string {
    return this.apply('Sigmoid', [x]);
  }

  erf(x: string): string {
    return this.apply('Erf', [x]);
  }

  relu(x: string): string {
    return this.apply('Relu', [x]);
  }

  softplus(x: string): string {
    return this.apply('Softplus', [x]);
  }

  sign(x: string): string {
    return this.apply('Sign', [x]);
  }

  positive(x: string): string {
    // Cast is faster than Sign.
    return this.#cast(this.apply('Greater', [x, this.scalar(0)]));
  }

  logSoftmax(x: string): string {
    return this.apply('LogSoftmax', [x], { axis: int(-1) });
  }

  matmul(a: string, b: string, transpose: { a?: boolean; b?: boolean } = {}): string {
    return this.#gemm([a, b], transpose);
  }

  linear(x: string, kernel: string, bias: string | undefined): string {
    return this.#gemm(bias === undefined ? [x, kernel] : [x, kernel, bias]);
  }

  /** One operator: the update of a parameter takes one pass over it. */
  subtractProduct(value: string, left: string, right: string): string {
    return this.#gemm([left, right, value], { a: true }, -1);
  }

  subtractRows(value: string, x: string, rows: number): string {
    return this.#gemm([this.#ones(1, rows), x, value], {}, -1);
  }

  sumRows(x: string, rows: number): string {
    return this.#gemm([this.#ones(1, rows), x]);
  }

  sumColumns(x: string, columns: number): string {
    return this.#gemm([x, this.#ones(columns, 1)]);
  }

  columns(x: string, from: number, to: number): string {
    const at = (value: number): string => this.constant([1], [value], 'int64');
    return this.apply('Slice', [x, at(from), at(to), at(1)]);
  }

  concat(parts: readonly string[]): string {
    return this.apply('Concat', [...parts], { axis: int(1) });
  }

  oneHot(codes: string, size: number): string {
    const numbers = this.constant(
      [1, size],
      Array.from({ length: size }, (_, i) => i),
    );
    return this.#cast(this.apply('Equal', [codes, numbers]));
  }

  #ones(rows: number, columns: number): string {
    return this.constant(
      [rows, columns],
      Array.from({ length: rows * columns }, () => 1),
    );
  }

  #gemm(inputs: string[], transpose: { a?: boolean; b?: boolean } = {}, alpha?: number): string {
    const attributes: Record<string, OnnxAttribute> = {};
    if (transpose.a === true) attributes['transA'] = int(1);
    if (transpose.b === true) attributes['transB'] = int(1);
    if (alpha !== undefined) attributes['alpha'] = { kind: 'float', value: alpha };
    return this.apply('Gemm', inputs, attributes);
  }
}
