import { describe, expect, it } from 'vitest';
import { validateSpec } from '@rookery/nn';
import { trainingGraph } from '../src/onnx/training-graph.js';
import { initialParameters, planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import { runTrainingGraph } from './support/graph-run.js';
import { plainLoss } from './support/plain-network.js';
import type { OptimizerSpec, Task } from '@rookery/nn';

const inputs = 4;
const batch = 6;
const used = 5;
const sgd: OptimizerSpec = { type: 'sgd', learningRate: 1 };

/** ONNX has no erf in float64: gelu is checked against Keras and TensorFlow.js. */
const activations = ['linear', 'relu', 'sigmoid', 'tanh', 'elu', 'selu', 'silu', 'softplus', 'leaky_relu'];
const ends = {
  classification: ['sparse_categorical_crossentropy'],
  regression: ['mse', 'mae', 'huber'],
  multilabel: ['binary_crossentropy'],
} as const;
const stacks: [string, Task, object, number[]?][] = [
  ...activations.map((activation): [string, Task, object] => [
    activation,
    'classification',
    { layers: [{ units: 4, activation }, { type: 'dropout', rate: 0.5 }, { units: 3, activation }, {}] },
  ]),
  ...Object.entries(ends).flatMap(([task, losses]) =>
    losses.map((loss): [string, Task, object] => [
      loss,
      task as Task,
      { layers: [{ units: 4, activation: 'tanh' }, {}], loss },
    ]),
  ),
  ['weights of positives', 'multilabel', { layers: [{ units: 4, activation: 'tanh' }, {}] }, [5, 1, 0.2]],
  [
    'batch norm, activation, no bias',
    'classification',
    {
      layers: [
        { units: 5, activation: 'linear', useBias: false },
        { type: 'batch_norm' },
        { type: 'activation', activation: 'softplus' },
        { units: 3, activation: 'tanh' },
        { type: 'batch_norm' },
        {},
      ],
    },
  ],
  [
    'layer norm first',
    'regression',
    { layers: [{ type: 'layer_norm' }, { units: 4, activation: 'tanh' }, { type: 'layer_norm' }, {}] },
  ],
  [
    'residual blocks in each other',
    'classification',
    {
      layers: [
        {
          type: 'residual',
          layers: [
            { units: 4, activation: 'tanh' },
            { type: 'batch_norm' },
            { units: 4, activation: 'linear' },
          ],
        },
        {
          type: 'residual',
          projection: true,
          layers: [
            { type: 'residual', layers: [{ units: 4, activation: 'elu' }] },
            { type: 'layer_norm' },
            { units: 3 },
          ],
        },
        {},
      ],
    },
  ],
  [
    'embeddings of codes and of one-hot columns, penalties',
    'classification',
    {
      embeddings: [
        { columns: 3, vocabulary: 3, dimension: 2, l2: 0.1 },
        { columns: [0, 2], dimension: 3 },
      ],
      layers: [
        { units: 4, activation: 'tanh', l1: 0.05, l2: 0.1 },
        { units: 3, activation: 'tanh', l2: 0.2 },
        {},
      ],
    },
  ],
];

describe('the graph in float64', () => {
  it.each(stacks)(
    "has the gradients of finite differences in every weight, and a short batch's filling adds nothing: %s",
    async (_title, task, given, positives) => {
      const outputs = task === 'regression' ? 2 : 3;
      const { layers, embeddings, loss } = validateSpec(given, { task, inputs, outputs });
      const spec = { layers, loss, ...(embeddings && { embeddings }) };
      const plan = planNetwork(layers, inputs, embeddings);
      const random = randomStream(7, 0);
      const normal = (): number => random() * 2 - 1;
      const parameters = initialParameters(plan, random).map((values) =>
        Float64Array.from(values, (v) => v + 0.3 * normal()),
      );
      const rows = Array.from({ length: used }, (_, row) => [normal(), normal(), normal(), row % 3]);
      const targets = Array.from({ length: used }, (_, row) =>
        task === 'classification'
          ? [row % 3]
          : Array.from({ length: outputs }, () =>
              task === 'multilabel' ? Math.round(random()) : 2 * normal(),
            ),
      );
      const weights = Array.from({ length: used }, (_, row) => 0.5 + row / 4);
      const widths = plan.operations.flatMap((op) => (op.kind === 'dropout' ? [op.outputs] : []));
      const masks = widths.map((width) =>
        Float64Array.from({ length: batch * width }, (_, i) => (i % 3 === 0 ? 0 : 2)),
      );
      const one = { rows: used, features: rows.flat(), targets: targets.flat(), weights };
      const graph = { plan, loss, optimizer: sgd, batch, precision: 'float64' } as const;
      const { losses, parameters: next } = await runTrainingGraph(graph, parameters, [one], masks, positives);

      const lossAt = (slot: number, i: number, delta: number): number => {
        const moved = parameters.map((values, p) => (p === slot ? values.slice() : values));
        moved[slot]![i]! += delta;
        return plainLoss(spec, moved, rows, targets, weights, masks, positives);
      };
      expect(Math.abs(losses[0]! - lossAt(0, 0, 0))).toBeLessThan(1e-10);
      let largest = 0;
      for (const [slot, values] of parameters.slice(0, plan.trainable).entries()) {
        for (let i = 0; i < values.length; i += 1) {
          const expected = (lossAt(slot, i, 1e-5) - lossAt(slot, i, -1e-5)) / 2e-5;
          const actual = values[i]! - next[slot]![i]!;
          largest = Math.max(largest, Math.abs(actual));
          expect(Math.abs(actual - expected), `weight ${i} of ${plan.parameters[slot]!.name}`).toBeLessThan(
            1e-8,
          );
        }
      }
      expect(largest).toBeGreaterThan(0.01);
    },
  );

  it('is the same bytes each time, whatever the rate', () => {
    const { layers } = validateSpec({}, { task: 'regression', inputs: 3, outputs: 1 });
    const spec = { plan: planNetwork(layers, 3), loss: 'mse', batch: 8, precision: 'float32' } as const;
    const bytes = (optimizer: OptimizerSpec): Uint8Array => trainingGraph({ ...spec, optimizer }).model;
    expect(bytes({ type: 'sgd', learningRate: 0.1 })).toEqual(bytes({ type: 'sgd', learningRate: 0.2 }));
  });
});
