import type { ElementType, OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxValue } from './onnx-model.js';

/** Numbers of a graph: float32 for training, float64 to check the mathematics. */
export type Precision = 'float32' | 'float64';

/** Builds one graph operator by operator; a value is the name of an operator's result. */
export class GraphBuilder {
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

  /** A scalar; equal ones are one constant. */
  scalar(value: number): string {
    return this.#constant([], [value]);
  }

  /** A row of ones. */
  ones(length: number): string {
    return this.#constant(
      [1, length],
      Array.from({ length }, () => 1),
    );
  }

  #constant(shape: number[], data: number[]): string {
    const key = `${shape.join('x')}:${data[0]}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known.name;
    const name = `${this.#name}_c${this.#constants.size}`;
    this.#constants.set(key, { name, type: this.precision, shape, data });
    return name;
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

  /** alpha · a · b + beta · c, either factor transposed first: one pass over the result, c of the result's shape or one row. */
  gemm(
    a: string,
    b: string,
    c: string | undefined,
    options: { transposeA?: boolean; transposeB?: boolean; alpha?: number; beta?: number } = {},
  ): string {
    const attributes: Record<string, OnnxAttribute> = {};
    if (options.transposeA === true) attributes['transA'] = { kind: 'int', value: 1 };
    if (options.transposeB === true) attributes['transB'] = { kind: 'int', value: 1 };
    if (options.alpha !== undefined) attributes['alpha'] = { kind: 'float', value: options.alpha };
    if (options.beta !== undefined) attributes['beta'] = { kind: 'float', value: options.beta };
    return this.apply('Gemm', c === undefined ? [a, b] : [a, b, c], attributes);
  }
}
