import { keep, tensor, tensor2d, tidy, zeros } from '@tensorflow/tfjs-core';
import { batchNormBackward, batchNormForward } from './batch-norm.js';
import { activateTensor, activationGradientTensor, add, matrixProduct, multiply } from './kernels.js';
import { kernelOptimizer } from './kernel-optimizer.js';
import { outputGradient } from './output-gradient.js';
import { dropoutMask, gradientScale } from './step-engine.js';
import type { BatchNormState } from './batch-norm.js';
import type { StepEngine, StepSetup } from './step-engine.js';
import type { Tensor } from '@tensorflow/tfjs-core';

/**
 * Steps in TensorFlow.js kernels on the backend in use, with the backward pass derived by hand: no tape, and only
 * the output (rows × classes) is read back in a step. Batch norm is computed outside the backend.
 */
export function kernelSteps(setup: StepSetup): StepEngine {
  const { plan, loss, random, variances } = setup;
  const { operations } = plan;
  const optimizer = kernelOptimizer(setup.optimizer);
  const scale = gradientScale(setup.optimizer);
  // A bias is a 1 × n matrix here: its gradient is then a matrix product, which every backend does fast.
  const shapes = plan.parameters.map(({ shape }) => (shape.length === 1 ? [1, shape[0]!] : shape));
  const trainable = setup.initial
    .slice(0, plan.trainable)
    .map((values, i) => tensor(values.slice(), shapes[i]));
  const moments = trainable.map((_, i) => Array.from({ length: optimizer.moments }, () => zeros(shapes[i]!)));
  /** Moving means and variances, outside the backend like batch norm itself. */
  const moving = new Map(
    plan.parameters.map((_, i) => [i, setup.initial[i]!.slice()] as const).slice(plan.trainable),
  );
  let steps = 0;

  const forward = (features: Tensor, rows: number, masks: Tensor[], states: BatchNormState[]): Tensor[] => {
    const values = [features];
    for (const [i, op] of operations.entries()) {
      const input = values[i]!;
      if (op.kind === 'dense') {
        const sum = add(matrixProduct(input, trainable[op.kernel]!), trainable[op.bias]!);
        values.push(i === operations.length - 1 ? sum : activateTensor(sum, op.activation));
      } else if (op.kind === 'dropout') {
        const mask = tensor2d(dropoutMask(rows * op.width, op.rate, random), [rows, op.width]);
        masks[i] = mask;
        values.push(multiply(input, mask));
      } else {
        const { output, state } = batchNormForward(input.dataSync(), rows, op.width, {
          gamma: trainable[op.gamma]!.dataSync(),
          beta: trainable[op.beta]!.dataSync(),
          movingMean: moving.get(op.movingMean)!,
          movingVariance: moving.get(op.movingVariance)!,
          momentum: op.momentum,
          epsilon: op.epsilon,
        });
        states[i] = state;
        values.push(tensor2d(output, [rows, op.width]));
      }
    }
    return values;
  };

  const backward = (
    output: Tensor,
    rows: number,
    values: Tensor[],
    masks: Tensor[],
    states: BatchNormState[],
  ): Tensor[] => {
    const gradients: Tensor[] = [];
    const ones = tensor2d(new Float32Array(rows).fill(1), [1, rows]);
    let gradient = output;
    for (let i = operations.length - 1; i >= 0; i -= 1) {
      const op = operations[i]!;
      if (op.kind === 'dense') {
        if (i < operations.length - 1)
          gradient = activationGradientTensor(gradient, values[i + 1]!, op.activation);
        gradients[op.kernel] = matrixProduct(values[i]!, gradient, true, false);
        gradients[op.bias] = matrixProduct(ones, gradient);
        if (i > 0) gradient = matrixProduct(gradient, trainable[op.kernel]!, false, true);
      } else if (op.kind === 'dropout') {
        gradient = multiply(gradient, masks[i]!);
      } else {
        const gamma = trainable[op.gamma]!.dataSync();
        const result = batchNormBackward(gradient.dataSync(), rows, op.width, gamma, states[i]!);
        gradients[op.gamma] = tensor2d(result.gamma, [1, op.width]);
        gradients[op.beta] = tensor2d(result.beta, [1, op.width]);
        gradient = tensor2d(result.input, [rows, op.width]);
      }
    }
    return gradients;
  };

  const replace = (held: Tensor[], place: number, next: Tensor): void => {
    held[place]!.dispose();
    held[place] = keep(next);
  };

  return {
    step(features, targets, rows, sums) {
      steps += 1;
      tidy(() => {
        const masks: Tensor[] = [];
        const states: BatchNormState[] = [];
        const values = forward(
          tensor2d(features.slice(0, rows * plan.inputs), [rows, plan.inputs]),
          rows,
          masks,
          states,
        );
        const logits = values[values.length - 1]!.dataSync();
        const gradient = new Float32Array(rows * plan.outputs);
        outputGradient(loss, logits, targets, rows, plan.outputs, scale, gradient, sums, variances);
        const gradients = backward(tensor2d(gradient, [rows, plan.outputs]), rows, values, masks, states);
        for (const [i, parameter] of trainable.entries()) {
          const next = optimizer.apply(steps, parameter, gradients[i]!, moments[i]!);
          replace(trainable, i, next.parameter);
          next.moments.forEach((moment, place) => replace(moments[i]!, place, moment));
        }
      });
    },
    parameters: () =>
      [...trainable.map((values) => Float32Array.from(values.dataSync())), ...moving.values()].map((v) =>
        v.slice(),
      ),
    dispose() {
      for (const held of [...trainable, ...moments.flat()]) held.dispose();
    },
  };
}
