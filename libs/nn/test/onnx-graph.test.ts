import { readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { lossFactor } from '../src/onnx/loss-graph.js';
import { stepSizeOf } from '../src/onnx/optimizer-graph.js';
import { trainingGraph } from '../src/onnx/training-graph.js';
import { initialParameters, planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import { gradientScale } from '../src/step-engine.js';
import type { Activation, LayerSpec, Loss, OptimizerSpec } from '@rookery/nn';

/** Largest difference, relative to numbers above 1. */
function gap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i += 1)
    most = Math.max(most, Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  return most;
}

describe('the graph in float64', () => {
  const batch = 5;
  const used = 4;
  const inputs = 3;

  /** Mean loss of the rows, computed plainly. */
  function plainLoss(
    layers: readonly LayerSpec[],
    parameters: readonly Float64Array[],
    rows: readonly number[][],
    targets: readonly number[][],
    masks: readonly Float64Array[],
    loss: Loss,
  ): number {
    let total = 0;
    for (const [row, features] of rows.entries()) {
      let values = features;
      let slot = 0;
      let mask = 0;
      for (const [l, layer] of layers.entries()) {
        if (layer.type === 'dropout') {
          const width = values.length;
          values = values.map((v, j) => v * masks[mask]![row * width + j]!);
          mask += 1;
        } else if (layer.type === 'dense') {
          const kernel = parameters[slot]!;
          const bias = parameters[slot + 1]!;
          slot += 2;
          values = Array.from({ length: layer.units }, (_, j) =>
            values.reduce((sum, v, k) => sum + v * kernel[k * layer.units + j]!, bias[j]!),
          );
          const functions: Record<Activation, (z: number) => number> = {
            linear: (z) => z,
            relu: (z) => Math.max(0, z),
            sigmoid: (z) => 1 / (1 + Math.exp(-z)),
            tanh: Math.tanh,
            softmax: (z) => z,
          };
          if (l < layers.length - 1) values = values.map(functions[layer.activation]);
        }
      }
      const target = targets[row]!;
      if (loss === 'mse')
        total += values.reduce((sum, v, j) => sum + (v - target[j]!) ** 2, 0) / values.length;
      else
        total +=
          Math.log(values.reduce((sum, v) => sum + Math.exp(v), 0)) -
          values.reduce((sum, v, j) => sum + v * target[j]!, 0);
    }
    return total / rows.length;
  }

  const hidden = (activation: Activation): LayerSpec[] => [
    { type: 'dense', units: 4, activation },
    { type: 'dropout', rate: 0.5 },
    { type: 'dense', units: 3, activation },
  ];
  const cases = (['linear', 'relu', 'sigmoid', 'tanh'] as const).flatMap((activation) =>
    (['sparse_categorical_crossentropy', 'mse'] as const).map((loss) => [activation, loss] as const),
  );

  it.each(cases)(
    "has the gradients of finite differences in every weight, and a short batch's filling adds nothing: %s, %s",
    async (activation, loss) => {
      const last: LayerSpec = {
        type: 'dense',
        units: 2,
        activation: loss === 'mse' ? 'linear' : 'softmax',
      };
      const layers = [...hidden(activation), last];
      const plan = planNetwork(layers, inputs);
      const random = randomStream(7, 0);
      const normal = (): number => random() * 2 - 1;
      const parameters = initialParameters(plan, random).map((values) =>
        Float64Array.from(values, (v) => v + 0.3 * normal()),
      );
      const data = Array.from({ length: 6 }, () => Array.from({ length: inputs }, normal));
      const answers = Array.from({ length: 6 }, (_, row) =>
        loss === 'mse' ? [normal(), normal()] : row % 2 === 0 ? [1, 0] : [0, 1],
      );
      const optimizer: OptimizerSpec = { type: 'sgd', learningRate: 1 };
      const graph = trainingGraph({ plan, loss, optimizer, batch, precision: 'float64' });
      const session = await InferenceSession.create(graph.model, { intraOpNumThreads: 1 });
      const order = [4, 1, 5, 2];
      const factor = (gradientScale(optimizer) * lossFactor(loss, 2)) / used;
      const masks = graph.masks.map(({ width }) =>
        Float64Array.from({ length: batch * width }, (_, i) => (i % 3 === 0 ? 0 : 2)),
      );
      const feeds: Record<string, Tensor> = {
        features: new Tensor('float64', Float64Array.from(data.flat()), [6, inputs]),
        targets: new Tensor('float64', Float64Array.from(answers.flat()), [6, 2]),
        indices: new Tensor('int32', Int32Array.from([...order, 4]), [1, batch]),
        factors: new Tensor(
          'float64',
          Float64Array.from({ length: batch }, (_, i) => (i < used ? factor : 0)),
          [1, batch, 1],
        ),
      };
      for (const [i, { name, width }] of graph.masks.entries())
        feeds[name] = new Tensor('float64', masks[i]!, [1, batch, width]);
      for (const { name, shape, parameter } of graph.states)
        feeds[name] = new Tensor('float64', parameters[parameter!]!, shape);
      const results = await session.run(feeds);

      const rows = order.map((row) => data[row]!);
      const targets = order.map((row) => answers[row]!);
      const lossAt = (slot: number, i: number, delta: number): number => {
        const moved = parameters.map((values, p) => (p === slot ? values.slice() : values));
        moved[slot]![i]! += delta;
        return plainLoss(layers, moved, rows, targets, masks, loss);
      };
      let largest = 0;
      for (const [slot, values] of parameters.entries()) {
        const next = results[`next_p${slot}`]!.data as Float64Array;
        for (let i = 0; i < values.length; i += 1) {
          const expected = (lossAt(slot, i, 1e-5) - lossAt(slot, i, -1e-5)) / 2e-5;
          const actual = values[i]! - next[i]!;
          largest = Math.max(largest, Math.abs(actual));
          expect(Math.abs(actual - expected), `weight ${i} of parameter ${slot}`).toBeLessThan(1e-8);
        }
      }
      expect(largest).toBeGreaterThan(0.01);
      await session.release();
    },
  );

  it('is the same bytes each time, whatever the rate', () => {
    const plan = planNetwork(hidden('relu'), 3);
    const spec = { plan, loss: 'mse', batch: 8, precision: 'float32' } as const;
    const bytes = (optimizer: OptimizerSpec): Uint8Array => trainingGraph({ ...spec, optimizer }).model;
    expect(bytes({ type: 'sgd', learningRate: 0.1 })).toEqual(bytes({ type: 'sgd', learningRate: 0.2 }));
  });
});

describe("Keras's steps", () => {
  interface Case {
    task: 'classification' | 'regression';
    layers: LayerSpec[];
    inputs: number;
    initial: number[][];
    batches: { rows: number; features: number[]; targets: number[] }[];
    fits: { optimizer: OptimizerSpec; losses: number[]; last: number[][] }[];
  }
  const path = new URL('../../../tests/golden/keras/networks.json', import.meta.url);
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] };
  const plain = cases.filter(({ layers }) => layers.every(({ type }) => type === 'dense'));
  const tolerance = { sgd: 2e-5, momentum: 2e-5, rmsprop: 2e-4, adam: 2e-4 };

  it.each(plain.map((golden) => [golden.layers.map((layer) => layer.type).join(), golden] as const))(
    'have the losses and weights of the graph, with batches of different sizes: %s',
    async (_title, golden) => {
      const plan = planNetwork(golden.layers, golden.inputs);
      const { outputs } = plan;
      const loss = golden.task === 'classification' ? 'sparse_categorical_crossentropy' : 'mse';
      const { batches } = golden;
      const steps = batches.length;
      const batch = Math.max(...batches.map(({ rows }) => rows));
      const rows = batches.reduce((sum, one) => sum + one.rows, 0);
      const features = Float32Array.from(batches.flatMap((one) => one.features));
      const numbers = batches.flatMap(({ targets }) => targets);
      const targets = Float32Array.from({ length: rows * outputs }, (_, i) =>
        loss === 'mse' ? numbers[i]! : Number(numbers[Math.floor(i / outputs)] === i % outputs),
      );
      for (const { optimizer, losses, last } of golden.fits) {
        const graph = trainingGraph({ plan, loss, optimizer, batch, precision: 'float32' });
        const session = await InferenceSession.create(graph.model, { intraOpNumThreads: 1 });
        const indices = new Int32Array(steps * batch);
        const factors = new Float32Array(steps * batch);
        let from = 0;
        for (const [step, { rows: size }] of batches.entries()) {
          for (let i = 0; i < size; i += 1) indices[step * batch + i] = from + i;
          const factor = (gradientScale(optimizer) * lossFactor(loss, outputs)) / size;
          factors.fill(factor, step * batch, step * batch + size);
          from += size;
        }
        const feeds: Record<string, Tensor> = {
          features: new Tensor('float32', features, [rows, golden.inputs]),
          targets: new Tensor('float32', targets, [rows, outputs]),
          indices: new Tensor('int32', indices, [steps, batch]),
          factors: new Tensor('float32', factors, [steps, batch, 1]),
        };
        for (const { name, shape, parameter } of graph.states) {
          const values = new Float32Array(shape[0] * shape[1]);
          if (parameter !== undefined) values.set(golden.initial[parameter]!);
          feeds[name] = new Tensor('float32', values, shape);
        }
        if (graph.hasStepSizes) {
          const sizes = Float32Array.from({ length: steps }, (_, i) => stepSizeOf(optimizer, i + 1)!);
          feeds['step_sizes'] = new Tensor('float32', sizes, [steps]);
        }
        const results = await session.run(feeds);
        const report = results['report']!.data as Float32Array;
        let row = 0;
        for (const [step, { rows: size }] of batches.entries()) {
          let sum = 0;
          for (let i = 0; i < size * outputs; i += 1) {
            const value = report[step * batch * outputs + i]!;
            sum += loss === 'mse' ? value ** 2 / outputs : -value * targets[row * outputs + i]!;
          }
          row += size;
          const tolerated = 2e-5 * Math.max(1, losses[step]!);
          expect(Math.abs(sum / size - losses[step]!), `${optimizer.type}, batch ${step}`).toBeLessThan(
            tolerated,
          );
        }
        const gaps = last.map((values, i) => gap(results[`next_p${i}`]!.data as Float32Array, values));
        expect(Math.max(...gaps), optimizer.type).toBeLessThan(tolerance[optimizer.type]);
        await session.release();
      }
    },
  );
});
