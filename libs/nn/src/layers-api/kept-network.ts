import {
  add,
  engine,
  io,
  keep,
  mul,
  reshape,
  sum,
  tensor,
  tensor2d,
  tidy,
  variableGrads,
  zeros,
} from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { tensorAlgebra } from '../algebra/tensor-algebra.js';
import { lossFromLogits } from '../losses.js';
import { sizeOf } from '../network-plan.js';
import { NnError } from '../nn-error.js';
import { momentsOf, scalesGradients, stepScalars, updateParameters } from '../optimizers/update.js';
import { registerChainedOps } from './chained-ops.js';
import { seededTopology } from './seeded-topology.js';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Scalar, Tensor, Variable } from '@tensorflow/tfjs-core';
import type { Gradient } from '../layers/layer-math.js';
import type { DenseOperation } from '../layers/operation.js';
import type { NetworkPlan } from '../network-plan.js';
import type { RandomStream } from '../random.js';
import type { StepEngine, StepSetup } from '../step-engine.js';
import type { WeightSpec } from '../trained-model.js';

/** Most trainable numbers, as of a specification. */
const mostParameters = 12_000_000;

/** A model of TensorFlow.js's Layers, ready to be fitted. */
export interface KeptNetwork {
  /** Its parameters, and its last layer alone as operation: what scaling targets and checking data ask for. */
  plan: NetworkPlan;
  /** As its layers drew them. */
  initial: Float32Array[];
  steps(setup: StepSetup): StepEngine;
  dispose(): void;
}

/** Layers as this file needs them. */
interface SeededLayer {
  getClassName(): string;
  seed?: number;
}

const noModel = (why: string): NnError =>
  new NnError('RK_SPEC_INVALID', `The model's model.topology can't be trained by TensorFlow.js: ${why}.`, {
    details: { field: 'model.topology' },
    hint: 'Correct the topology: docs/contracts/model-spec.md says which layers there are.',
  });

/**
 * Builds the model of a `keptTopology` on the backend in use. RK_SPEC_INVALID with what TensorFlow.js says where its shapes or settings do not
 * fit. The caller disposes it.
 */
export async function openKeptNetwork(
  topology: Record<string, unknown>,
  inputs: number,
  random: RandomStream,
): Promise<KeptNetwork> {
  const seeded = seededTopology(topology, () => Math.floor(random() * 2 ** 31));
  const layers = (seeded['config'] as { layers: { config: Record<string, unknown>; name: string }[] }).layers;
  const [[last]] = (seeded['config'] as { output_layers: [[string]] }).output_layers;
  // The loss is computed from what comes before the last activation.
  for (const { name, config } of layers) if (name === last) config['activation'] = 'linear';
  const model = await buildModel(seeded, inputs);
  try {
    return networkOf(model, inputs);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

async function buildModel(modelTopology: Record<string, unknown>, inputs: number): Promise<LayersModel> {
  registerChainedOps();
  let model: LayersModel;
  const before = new Set(Object.keys(engine().registeredVariables));
  try {
    model = await loadLayersModel(io.fromMemory({ modelTopology }));
    // Some shapes are looked at in a forward pass only.
    tidy(() => {
      model.predictOnBatch(zeros([1, inputs]));
    });
    return model;
  } catch (cause) {
    // Layers that were built before the one that failed have no owner.
    for (const [name, variable] of Object.entries(engine().registeredVariables))
      if (!before.has(name)) variable.dispose();
    throw noModel(cause instanceof Error ? cause.message : String(cause));
  }
}

function networkOf(model: LayersModel, inputs: number): KeptNetwork {
  const [, outputs, ...more] = model.outputs[0]!.shape;
  if (more.length > 0 || typeof outputs !== 'number')
    throw noModel(
      `it gives the shape ${JSON.stringify(model.outputs[0]!.shape)} where numbers a row are needed`,
    );
  const trainable = model.trainableWeights.length;
  const weights = model.weights.map((weight) => ({ weight, variable: weight.read() as Variable }));
  const parameters = weights.map(({ weight }): WeightSpec => ({
    name: weight.originalName,
    shape: weight.shape.map(Number),
    dtype: 'float32',
  }));
  const size = parameters.slice(0, trainable).reduce((total, one) => total + sizeOf(one), 0);
  if (size > mostParameters)
    throw noModel(`it has ${size} parameters, more than the ${mostParameters} allowed`);
  const final = model.layers.at(-1)!.weights.map(({ id }) => model.weights.findIndex((one) => one.id === id));
  const operation: DenseOperation = {
    kind: 'dense',
    name: model.layers.at(-1)!.name,
    sources: [0],
    inputs: parameters[final[0]!]!.shape[0]!,
    outputs,
    activation: 'linear',
    kernel: final[0]!,
    bias: final[1]!,
  };
  return {
    plan: { inputs, outputs, operations: [operation], parameters, trainable },
    initial: weights.map(({ variable }) => Float32Array.from(variable.dataSync())),
    steps: (setup) => keptSteps(model, trainable, parameters, setup),
    dispose: () => void model.dispose(),
  };
}

/** Steps with the gradients of TensorFlow.js's tape, and our own losses and optimizers: the definitions are those of every engine. */
function keptSteps(
  model: LayersModel,
  trainable: number,
  parameters: readonly WeightSpec[],
  { loss, optimizer, initial, positives, variances, random, rateOf, plan: { inputs, outputs } }: StepSetup,
): StepEngine {
  const algebra = tensorAlgebra();
  const { weights } = model;
  tidy(() => {
    model.setWeights(initial.map((values, i) => tensor(values, parameters[i]!.shape)));
  });
  // A read variable is the one that the layers use.
  const variables = weights.slice(0, trainable).map((weight) => weight.read() as Variable);
  // The optimizers see each parameter as one row.
  const flat: NetworkPlan = {
    inputs,
    outputs,
    operations: [],
    parameters: parameters.map((one) => ({ ...one, shape: [sizeOf(one)] })),
    trainable,
  };
  const moments = flat.parameters
    .slice(0, trainable)
    .map((one) =>
      Array.from({ length: momentsOf(optimizer) }, () =>
        algebra.state(new Float32Array(sizeOf(one)), 1, sizeOf(one)),
      ),
    );
  const scaled = scalesGradients(optimizer, flat);
  const seeded = (model.layers as unknown as SeededLayer[]).filter(
    (layer) => layer.getClassName() === 'Dropout',
  );
  const row = (value: Tensor): Tensor => reshape(value, [1, value.size]);
  let steps = 0;
  return {
    step({ features, targets, weights: rowWeights, rows }, sums) {
      const rate = rateOf(steps);
      steps += 1;
      for (const layer of seeded) layer.seed = 1 + Math.floor(random() * 2 ** 31);
      tidy(() => {
        const x = tensor2d(features.subarray(0, rows * inputs), [rows, inputs]);
        const { grads } = variableGrads(() => {
          const logits = model.apply(x, { training: true }) as Tensor;
          const gradient = new Float32Array(rows * outputs);
          const input = { loss, targets, rows, outputs, weights: rowWeights, positives, variances };
          lossFromLogits(input, logits.dataSync(), sums, gradient, scaled ? rate : 1);
          // Its derivative by the logits is the gradient of the loss.
          let total = sum(mul(logits, tensor2d(gradient, [rows, outputs])));
          for (const penalty of model.calculateLosses()) {
            sums.loss += penalty.dataSync()[0]! * rows;
            total = add(total, scaled ? mul(penalty, rate) : penalty);
          }
          return total as Scalar;
        }, variables);
        const gradients = new Map<number, Gradient<Tensor>>();
        for (const [place, variable] of variables.entries()) {
          const whole = grads[variable.name];
          if (whole !== undefined) gradients.set(place, { whole: row(whole) });
        }
        const scalars = stepScalars(optimizer, scaled, steps, rate).map((value) => tensor2d([value], [1, 1]));
        const next = updateParameters(algebra, flat, optimizer, {
          parameters: variables.map(row),
          gradients,
          moments,
          scalars,
          rows,
        });
        for (const [place, updated] of next) {
          variables[place]!.assign(reshape(updated.parameter, parameters[place]!.shape));
          for (const [m, moment] of updated.moments.entries())
            moments[place]![m] = algebra.assign(moments[place]![m]!, keep(moment));
        }
      });
    },
    logits: (features, rows) =>
      tidy(() => {
        const x = tensor2d(features.subarray(0, rows * inputs), [rows, inputs]);
        return Float32Array.from((model.predictOnBatch(x) as Tensor).dataSync());
      }),
    penalty: () => tidy(() => model.calculateLosses().reduce((total, one) => total + one.dataSync()[0]!, 0)),
    parameters: () => weights.map((weight) => Float32Array.from(weight.read().dataSync())),
    dispose() {
      for (const moment of moments.flat()) moment.dispose();
    },
  };
}
