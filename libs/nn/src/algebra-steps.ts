import { backwardPass, forwardPass } from './layers/network-pass.js';
import { lossFromLogits } from './losses.js';
import { matrixShape } from './network-plan.js';
import { momentsOf, penalty, scalesGradients, stepScalars, updateParameters } from './optimizers/update.js';
import { dropoutMask } from './step-engine.js';
import type { HostAlgebra } from './algebra/algebra.js';
import type { Pass } from './layers/layer-math.js';
import type { StepEngine, StepSetup } from './step-engine.js';

/**
 * Steps by an algebra that computes at once: over typed arrays, without a tensor or a kernel look-up for each operation, which is nine
 * tenths of a step of a small network; or by TensorFlow.js's kernels, without a tape. Only the output is read back in a step, and
 * the loss computed from it in double precision.
 */
export function algebraSteps<T>(algebra: HostAlgebra<T>, setup: StepSetup): StepEngine {
  const { plan, loss, optimizer, random, positives, variances, rateOf } = setup;
  const shapes = plan.parameters.map(matrixShape);
  const parameters = setup.initial.map((values, i) => algebra.state(values, ...shapes[i]!));
  const moments = shapes
    .slice(0, plan.trainable)
    .map(([rows, columns]) =>
      Array.from({ length: momentsOf(optimizer) }, () =>
        algebra.state(new Float32Array(rows * columns), rows, columns),
      ),
    );
  const scaled = scalesGradients(optimizer, plan);
  let gradient = new Float32Array(0);
  let shares = new Float32Array(0);
  let steps = 0;

  const pass = (rows: number, training: boolean): Pass<T> => {
    const masks = new Map<number, T>();
    if (training) {
      for (const [place, op] of plan.operations.entries()) {
        if (op.kind !== 'dropout') continue;
        masks.set(place, algebra.input(dropoutMask(rows * op.outputs, op.rate, random), rows, op.outputs));
      }
    }
    if (shares.length !== rows) shares = new Float32Array(rows).fill(1 / rows);
    const rowShares = algebra.input(shares, 1, rows);
    return { algebra, parameters, training, rows, masks, rowShares, counting: undefined };
  };

  return {
    step({ features, targets, weights, rows }, sums) {
      const rate = rateOf(steps);
      steps += 1;
      algebra.scope(() => {
        const during = pass(rows, true);
        const trace = forwardPass(plan, algebra.input(features, rows, plan.inputs), during);
        const added = penalty(algebra, plan, parameters);
        if (added !== undefined) sums.loss += algebra.read(added)[0]! * rows;
        if (gradient.length !== rows * plan.outputs) gradient = new Float32Array(rows * plan.outputs);
        const logits = algebra.read(trace.values[plan.operations.length]!);
        const input = { loss, targets, rows, outputs: plan.outputs, weights, positives, variances };
        lossFromLogits(input, logits, sums, gradient, scaled ? rate : 1);
        const output = algebra.input(gradient, rows, plan.outputs);
        const gradients = backwardPass(plan, trace, output, during);
        const scalars = stepScalars(optimizer, scaled, steps, rate).map((value) =>
          algebra.input(Float32Array.of(value), 1, 1),
        );
        const next = updateParameters(algebra, plan, optimizer, {
          parameters,
          gradients,
          moments,
          scalars,
          rows,
        });
        for (const [place, updated] of next) {
          parameters[place] = algebra.assign(parameters[place]!, updated.parameter);
          for (const [m, moment] of updated.moments.entries())
            moments[place]![m] = algebra.assign(moments[place]![m]!, moment);
        }
        for (const [place, value] of trace.moving)
          parameters[place] = algebra.assign(parameters[place]!, value);
      });
    },
    logits(features, rows) {
      let logits = new Float32Array(0);
      algebra.scope(() => {
        const trace = forwardPass(plan, algebra.input(features, rows, plan.inputs), pass(rows, false));
        logits = Float32Array.from(algebra.read(trace.values[plan.operations.length]!));
      });
      return logits;
    },
    parameters: () => parameters.map((values) => algebra.read(values).slice()),
    dispose() {
      for (const held of [...parameters, ...moments.flat()]) algebra.free(held);
    },
  };
}
