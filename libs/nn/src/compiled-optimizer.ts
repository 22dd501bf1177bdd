import { adamStepSize } from './step-engine.js';
import type { OptimizerSpec } from './model-spec.js';

const round = Math.fround;

/** Changes a parameter in place by its gradient; `step` counts from 1, `slot` is the parameter's place. */
export type Update = (slot: number, step: number, parameter: Float32Array, gradient: Float32Array) => void;

/** The updates of Keras's optimizers, every operation rounded to float32 as separate tensor operations are. */
export function compiledOptimizer(optimizer: OptimizerSpec): Update {
  if (optimizer.type === 'sgd') {
    return (_slot, _step, parameter, gradient) => {
      for (let i = 0; i < parameter.length; i += 1) parameter[i] = parameter[i]! - gradient[i]!;
    };
  }
  const first: Float32Array[] = [];
  const second: Float32Array[] = [];
  if (optimizer.type === 'momentum') {
    const decay = round(optimizer.momentum);
    return (slot, _step, parameter, gradient) => {
      const velocity = (first[slot] ??= new Float32Array(parameter.length));
      for (let i = 0; i < parameter.length; i += 1) {
        velocity[i] = round(decay * velocity[i]!) + gradient[i]!;
        parameter[i] = parameter[i]! - velocity[i]!;
      }
    };
  }
  const epsilon = round(optimizer.epsilon);
  if (optimizer.type === 'rmsprop') {
    const decay = round(optimizer.decay);
    const rest = round(1 - optimizer.decay);
    const rate = round(optimizer.learningRate);
    return (slot, _step, parameter, gradient) => {
      const square = (second[slot] ??= new Float32Array(parameter.length));
      for (let i = 0; i < parameter.length; i += 1) {
        const g = gradient[i]!;
        square[i] = round(decay * square[i]!) + round(rest * round(g * g));
        const root = round(Math.sqrt(round(square[i]! + epsilon)));
        parameter[i] = parameter[i]! - round(round(rate * g) / root);
      }
    };
  }
  const keep1 = round(optimizer.beta1);
  const rest1 = round(1 - optimizer.beta1);
  const keep2 = round(optimizer.beta2);
  const rest2 = round(1 - optimizer.beta2);
  return (slot, step, parameter, gradient) => {
    const mean = (first[slot] ??= new Float32Array(parameter.length));
    const square = (second[slot] ??= new Float32Array(parameter.length));
    const size = round(adamStepSize(optimizer, step));
    for (let i = 0; i < parameter.length; i += 1) {
      const g = gradient[i]!;
      mean[i] = round(keep1 * mean[i]!) + round(rest1 * g);
      square[i] = round(keep2 * square[i]!) + round(rest2 * round(g * g));
      const root = round(round(Math.sqrt(square[i]!)) + epsilon);
      parameter[i] = parameter[i]! - round(round(size * mean[i]!) / root);
    }
  };
}
