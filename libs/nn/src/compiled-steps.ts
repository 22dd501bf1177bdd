import { activate, activationGradient } from './activations.js';
import { batchNormBackward, batchNormForward } from './batch-norm.js';
import { compiledOptimizer } from './compiled-optimizer.js';
import { columnSums, multiply, multiplyTransposedLeft, multiplyTransposedRight } from './matrix-products.js';
import { outputGradient } from './output-gradient.js';
import { dropoutMask, gradientScale } from './step-engine.js';
import type { BatchNormState } from './batch-norm.js';
import type { StepEngine, StepSetup } from './step-engine.js';

/**
 * Steps as loops over typed arrays: what the cpu backend computes, to the bit, without a tensor, a kernel look-up
 * or an allocation for each operation. That overhead is nine tenths of a step of a small network.
 */
export function compiledSteps(setup: StepSetup): StepEngine {
  const { plan, loss, optimizer, random, variances } = setup;
  const { operations } = plan;
  const parameters = setup.initial.map((values) => values.slice());
  const gradients: Float32Array[] = parameters
    .slice(0, plan.trainable)
    .map((values) => new Float32Array(values.length));
  const update = compiledOptimizer(optimizer);
  const scale = gradientScale(optimizer);
  let capacity = 0;
  /** outputs[i]: output of operation i; inputGradients[i]: gradient of its input. Grown to the largest batch seen. */
  let outputs: Float32Array[] = [];
  let inputGradients: Float32Array[] = [];
  let last: Float32Array = new Float32Array(0);
  const masks: Float32Array[] = [];
  const states: BatchNormState[] = [];
  let steps = 0;

  const grow = (rows: number): void => {
    capacity = rows;
    outputs = operations.map((op) => new Float32Array(rows * (op.kind === 'dense' ? op.outputs : op.width)));
    inputGradients = operations.map(
      (op) => new Float32Array(rows * (op.kind === 'dense' ? op.inputs : op.width)),
    );
    last = new Float32Array(rows * plan.outputs);
  };

  const forward = (features: Float32Array, rows: number): Float32Array => {
    let input = features;
    for (let i = 0; i < operations.length; i += 1) {
      const op = operations[i]!;
      if (op.kind === 'dense') {
        const output = outputs[i]!;
        multiply(input, parameters[op.kernel]!, rows, op.inputs, op.outputs, output);
        // The loss takes logits: the last activation is part of it.
        const activation = i === operations.length - 1 ? 'linear' : op.activation;
        activate(output, parameters[op.bias]!, rows, op.outputs, activation);
        input = output;
      } else if (op.kind === 'dropout') {
        const mask = dropoutMask(rows * op.width, op.rate, random);
        masks[i] = mask;
        const output = outputs[i]!;
        for (let at = 0; at < mask.length; at += 1) output[at] = input[at]! * mask[at]!;
        input = output;
      } else {
        const { output, state } = batchNormForward(input, rows, op.width, {
          gamma: parameters[op.gamma]!,
          beta: parameters[op.beta]!,
          movingMean: parameters[op.movingMean]!,
          movingVariance: parameters[op.movingVariance]!,
          momentum: op.momentum,
          epsilon: op.epsilon,
        });
        states[i] = state;
        outputs[i] = output;
        input = output;
      }
    }
    return input;
  };

  const backward = (features: Float32Array, rows: number): void => {
    let gradient: Float32Array = last;
    for (let i = operations.length - 1; i >= 0; i -= 1) {
      const op = operations[i]!;
      const input = i === 0 ? features : outputs[i - 1]!;
      if (op.kind === 'dense') {
        if (i < operations.length - 1)
          activationGradient(gradient, outputs[i]!, rows * op.outputs, op.activation);
        multiplyTransposedLeft(input, gradient, rows, op.inputs, op.outputs, gradients[op.kernel]!);
        columnSums(gradient, rows, op.outputs, gradients[op.bias]!);
        if (i === 0) return;
        const next = inputGradients[i]!;
        multiplyTransposedRight(gradient, parameters[op.kernel]!, rows, op.inputs, op.outputs, next);
        gradient = next;
      } else if (op.kind === 'dropout') {
        const mask = masks[i]!;
        for (let at = 0; at < mask.length; at += 1) gradient[at] = gradient[at]! * mask[at]!;
      } else {
        const result = batchNormBackward(gradient, rows, op.width, parameters[op.gamma]!, states[i]!);
        gradients[op.gamma] = result.gamma;
        gradients[op.beta] = result.beta;
        gradient = result.input;
      }
    }
  };

  return {
    step(features, targets, rows, sums) {
      if (rows > capacity) grow(rows);
      const logits = forward(features, rows);
      outputGradient(loss, logits, targets, rows, plan.outputs, scale, last, sums, variances);
      backward(features, rows);
      steps += 1;
      for (let slot = 0; slot < gradients.length; slot += 1)
        update(slot, steps, parameters[slot]!, gradients[slot]!);
    },
    parameters: () => parameters.map((values) => values.slice()),
    dispose: () => undefined,
  };
}
