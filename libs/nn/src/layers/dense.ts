import { activate, activationGradient } from './activation.js';
import type { LayerMath } from './layer-math.js';
import type { DenseOperation } from './operation.js';

/** activation(x · kernel + bias). */
export const denseMath: LayerMath<DenseOperation> = {
  forward({ kernel, bias, activation }, [input], { algebra, parameters }) {
    const sum = algebra.linear(input!, parameters[kernel]!, bias < 0 ? undefined : parameters[bias]!);
    return { output: activate(algebra, sum, activation), saved: [sum] };
  },
  backward({ kernel, bias, activation }, { inputs, output, saved, gradient, wanted }, pass) {
    const { algebra, parameters } = pass;
    const before = activationGradient(algebra, gradient, saved[0]!, output, activation);
    return {
      sources: [wanted[0] ? algebra.matmul(before, parameters[kernel]!, { b: true }) : undefined],
      parameters: [
        [kernel, { left: inputs[0]!, right: before }],
        ...(bias < 0 ? [] : [[bias, { summed: before }] as [number, { summed: typeof before }]]),
      ],
    };
  },
};
