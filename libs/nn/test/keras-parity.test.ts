import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPredictor, tensorMemory, train, useBackend } from '@rookery/nn';
import { algebraSteps } from '../src/algebra-steps.js';
import { arrayAlgebra } from '../src/algebra/array-algebra.js';
import { tensorAlgebra } from '../src/algebra/tensor-algebra.js';
import { planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import { topologyOf } from '../src/topology/topology.js';
import { encodeWeights } from '../src/weights.js';
import type { BackendName, LayerSpec, ModelSpec, OptimizerSpec, Task, TrainedModel } from '@rookery/nn';

interface Case {
  task: Task;
  layers: LayerSpec[];
  inputs: number;
  initial: number[][];
  batches: { rows: number; features: number[]; targets: number[] }[];
  predictions: number[];
  fits: { optimizer: OptimizerSpec; losses: number[]; first: number[][]; last: number[][] }[];
}

const path = new URL('../../../tests/golden/keras/networks.json', import.meta.url);
const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] };

const named = cases.map((golden) => {
  const layers = golden.layers.map((layer) =>
    layer.type === 'dense' ? `${layer.units} ${layer.activation}` : layer.type,
  );
  return [`${golden.inputs} → ${layers.join(' → ')}`, golden] as const;
});

const initialOf = (golden: Case): Float32Array[] => golden.initial.map((values) => Float32Array.from(values));

function specOf({ task, layers }: Case, optimizer: OptimizerSpec): ModelSpec {
  const loss = task === 'classification' ? 'sparse_categorical_crossentropy' : 'mse';
  const fit = {
    epochs: 1,
    batchSize: 32,
    initializer: 'glorot_uniform',
    targetScaling: 'none',
    seed: 1,
  } as const;
  return { task, layers, optimizer, loss, ...fit };
}

function modelOf(golden: Case): TrainedModel {
  const plan = planNetwork(golden.layers, golden.inputs);
  return {
    format: 'tfjs-layers',
    topology: topologyOf(plan),
    weightSpecs: plan.parameters,
    weights: encodeWeights(initialOf(golden)),
    spec: specOf(golden, golden.fits[0]!.optimizer),
    inputs: plan.inputs,
    outputs: plan.outputs,
    task: golden.task,
    backend: 'cpu',
  };
}

/** Largest difference of two lists, relative to numbers above 1. */
function gap(actual: ArrayLike<number>, expected: readonly number[]): number {
  expect(actual.length).toBe(expected.length);
  return expected.reduce(
    (most, value, i) => Math.max(most, Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value))),
    0,
  );
}

// Float32 rounding of a few steps. Where a gradient is almost nothing, Adam's and RMSprop's first steps divide one
// rounding error by another: a single such weight moves by up to the step size.
const tolerance = { sgd: 2e-5, rmsprop: 2e-4, adam: 2e-4, adamw: 2e-4 };

describe.each(['compiled on cpu', 'kernels on cpu', 'kernels on wasm'])('%s', (name) => {
  const backend: BackendName = name.endsWith('wasm') ? 'wasm' : 'cpu';
  let tensors = 0;
  beforeAll(async () => {
    await useBackend(backend);
    tensors = tensorMemory().tensors;
  });
  afterAll(() => expect(tensorMemory().tensors).toBe(tensors));

  it.each(named)('predicts as Keras does: %s', async (_title, golden) => {
    const engine = name.startsWith('compiled') ? 'compiled' : 'tfjs';
    const predictor = await loadPredictor(modelOf(golden), { engine, backend });
    const { features, rows } = golden.batches[0]!;
    expect(gap(predictor.predict(Float32Array.from(features), rows), golden.predictions)).toBeLessThan(1e-5);
    predictor.dispose();
  });

  it.each(named)("has Keras's losses, gradients and weights with every optimizer: %s", (_title, golden) => {
    const plan = planNetwork(golden.layers, golden.inputs);
    for (const { optimizer, losses, first, last } of golden.fits) {
      const { loss } = specOf(golden, optimizer);
      const variances = new Float64Array(plan.outputs).fill(1);
      const setup = {
        plan,
        loss,
        optimizer,
        variances,
        initial: initialOf(golden),
        random: randomStream(1, 0),
        rateOf: () => optimizer.learningRate,
      };
      const steps = name.startsWith('compiled')
        ? algebraSteps(arrayAlgebra(), setup)
        : algebraSteps(tensorAlgebra(), setup);
      const compare = (expected: number[][]): void => {
        const worst = Math.max(...steps.parameters().map((values, i) => gap(values, expected[i]!)));
        expect(worst, optimizer.type).toBeLessThan(tolerance[optimizer.type]);
      };
      for (const [i, { features, targets, rows }] of golden.batches.entries()) {
        const labels =
          golden.task === 'classification' ? Int32Array.from(targets) : Float32Array.from(targets);
        const sums = { loss: 0, metric: 0 };
        steps.step(
          { features: Float32Array.from(features), targets: labels, weights: undefined, rows },
          sums,
        );
        expect(Math.abs(sums.loss / rows - losses[i]!), `${optimizer.type}, batch ${i}`).toBeLessThan(
          2e-5 * Math.max(1, losses[i]!),
        );
        if (i === 0) compare(first);
      }
      compare(last);
      steps.dispose();
    }
  });
});

it('a training run reports the loss before each step, as Keras does', async () => {
  const golden = cases[0]!;
  const { optimizer, losses } = golden.fits.find((fit) => fit.optimizer.type === 'sgd')!;
  const { features, targets, rows } = golden.batches[0]!;
  const { history } = await train({
    spec: specOf(golden, optimizer),
    features: Float32Array.from(features),
    rows,
    width: golden.inputs,
    targets: Int32Array.from(targets),
    initialWeights: encodeWeights(initialOf(golden)),
  });
  expect(history.loss[0]).toBeCloseTo(losses[0]!, 5);
});
