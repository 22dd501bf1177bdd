import { scalar } from '@tensorflow/tfjs-core';
import { adamStepSize } from './step-engine.js';
import { add, divide, multiply, squareRoot, subtract } from './kernels.js';
import type { OptimizerSpec } from './model-spec.js';
import type { Tensor } from '@tensorflow/tfjs-core';

/** Gives the changed parameter and the changed moments of it; the caller keeps and frees. */
export interface KernelOptimizer {
  /** Moments a parameter has: 0 to 2 tensors of its shape, zeros at the start. */
  moments: number;
  apply(
    step: number,
    parameter: Tensor,
    gradient: Tensor,
    moments: Tensor[],
  ): { parameter: Tensor; moments: Tensor[] };
}

/** Keras's optimizers in tensor operations; call inside a tidy. SGD and momentum take gradients times the rate. */
export function kernelOptimizer(optimizer: OptimizerSpec): KernelOptimizer {
  if (optimizer.type === 'sgd') {
    return {
      moments: 0,
      apply: (_step, parameter, gradient) => ({ parameter: subtract(parameter, gradient), moments: [] }),
    };
  }
  if (optimizer.type === 'momentum') {
    return {
      moments: 1,
      apply(_step, parameter, gradient, [velocity]) {
        const next = add(multiply(velocity!, scalar(optimizer.momentum)), gradient);
        return { parameter: subtract(parameter, next), moments: [next] };
      },
    };
  }
  if (optimizer.type === 'rmsprop') {
    const { decay, epsilon, learningRate } = optimizer;
    return {
      moments: 1,
      apply(_step, parameter, gradient, [square]) {
        const grown = multiply(multiply(gradient, gradient), scalar(1 - decay));
        const next = add(multiply(square!, scalar(decay)), grown);
        const root = squareRoot(add(next, scalar(epsilon)));
        return {
          parameter: subtract(parameter, divide(multiply(gradient, scalar(learningRate)), root)),
          moments: [next],
        };
      },
    };
  }
  const { beta1, beta2, epsilon } = optimizer;
  return {
    moments: 2,
    apply(step, parameter, gradient, [mean, square]) {
      const nextMean = add(multiply(mean!, scalar(beta1)), multiply(gradient, scalar(1 - beta1)));
      const grown = multiply(multiply(gradient, gradient), scalar(1 - beta2));
      const nextSquare = add(multiply(square!, scalar(beta2)), grown);
      const change = divide(
        multiply(nextMean, scalar(adamStepSize(optimizer, step))),
        add(squareRoot(nextSquare), scalar(epsilon)),
      );
      return { parameter: subtract(parameter, change), moments: [nextMean, nextSquare] };
    },
  };
}
