import type { Activation } from '../model-spec.js';
import type { GraphBuilder } from './graph-builder.js';

/** Gradient of a dense layer's parameters, as the factors of a product: kernel = inputᵀ · output, bias = 1ᵀ · output. */
export interface DenseGradient {
  /** batch × inputs */
  input: string;
  /** batch × outputs: gradient of the values before the activation */
  output: string;
}

/** input · kernel + bias. */
export function denseForward(graph: GraphBuilder, input: string, kernel: string, bias: string): string {
  return graph.gemm(input, kernel, bias);
}

/** Gradient of a dense layer's input. */
export function denseInputGradient(graph: GraphBuilder, output: string, kernel: string): string {
  return graph.gemm(output, kernel, undefined, { transposeB: true });
}

/** The activation of a hidden layer. */
export function activationForward(graph: GraphBuilder, input: string, activation: Activation): string {
  if (activation === 'relu') return graph.apply('Relu', [input]);
  if (activation === 'sigmoid') return graph.apply('Sigmoid', [input]);
  if (activation === 'tanh') return graph.apply('Tanh', [input]);
  return input;
}

/** `gradient` times the derivative of the activation, from the activation's output. */
export function activationBackward(
  graph: GraphBuilder,
  gradient: string,
  output: string,
  activation: Activation,
): string {
  if (activation === 'relu') {
    const positive = graph.apply('Greater', [output, graph.scalar(0)]);
    // 1 and 11 are float and double in TensorProto.DataType. Cast is faster than Sign.
    const to = { kind: 'int', value: graph.precision === 'float32' ? 1 : 11 } as const;
    return graph.multiply(graph.apply('Cast', [positive], { to }), gradient);
  }
  if (activation === 'sigmoid') {
    const rest = graph.subtract(graph.scalar(1), output);
    return graph.multiply(gradient, graph.multiply(output, rest));
  }
  if (activation === 'tanh') {
    const rest = graph.subtract(graph.scalar(1), graph.multiply(output, output));
    return graph.multiply(gradient, rest);
  }
  return gradient;
}
