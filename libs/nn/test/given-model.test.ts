import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadPredictor, train, useBackend, validateSpec } from '@rookery/nn';
import { planNetwork } from '../src/network-plan.js';
import { topologyOf } from '../src/topology/topology.js';
import { planFromTopology } from '../src/topology/topology-plan.js';
import type { SpecContext } from '@rookery/nn';

const context: SpecContext = { task: 'classification', inputs: 4, outputs: 3 };
const rows = 60;
const features = Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i * 12.9898));
const targets = Int32Array.from({ length: rows }, (_, row) => row % 3);
const data = { features, targets, rows, width: 4 };

beforeAll(() => useBackend('cpu'));

/** A functional model of TensorFlow.js with a residual connection. */
function residualModel(): tfl.LayersModel {
  const input = tfl.input({ shape: [4] });
  const first = tfl.layers
    .dense({ units: 6, activation: 'relu', kernelRegularizer: tfl.regularizers.l2({ l2: 0.01 }) })
    .apply(input);
  const norm = tfl.layers.batchNormalization({}).apply(first);
  const second = tfl.layers.dense({ units: 6, activation: 'swish' }).apply(norm);
  const sum = tfl.layers.add().apply([first as tfl.SymbolicTensor, second as tfl.SymbolicTensor]);
  const output = tfl.layers
    .dense({ units: 3, activation: 'softmax' })
    .apply(tfl.layers.layerNormalization().apply(sum));
  return tfl.model({ inputs: input, outputs: output as tfl.SymbolicTensor });
}

describe('a model given as topology', () => {
  it.each(['topology', 'modelTopology'])(
    'of TensorFlow.js is trained like layers, under %s',
    async (field) => {
      const model = residualModel();
      const topology = model.toJSON(undefined, false) as object;
      const spec = validateSpec({ model: { [field]: topology }, epochs: 3, optimizer: 'adam' }, context);
      const fits = await Promise.all(
        (['compiled', 'onnx', 'tfjs'] as const).map((engine) =>
          train({ spec, ...data, engine, backend: 'cpu' }),
        ),
      );
      for (const { history } of fits) {
        expect(history.loss[0]).toBeCloseTo(fits[0]!.history.loss[0]!, 4);
        expect(history.loss.at(-1)).toBeLessThan(history.loss[0]!);
      }
      const predictor = await loadPredictor(fits[0]!.model, { engine: 'compiled' });
      expect(predictor.predict(features, 1).reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
      predictor.dispose();
      model.dispose();
      expect(validateSpec(JSON.parse(JSON.stringify(spec)), context)).toEqual(spec);
    },
  );

  it('starts from the weights that come with it', async () => {
    const model = residualModel();
    const topology = model.toJSON(undefined, false) as object;
    const values = model.getWeights().flatMap((weight) => [...weight.dataSync()]);
    const weights = Buffer.from(Float32Array.from(values).buffer).toString('base64');
    const spec = validateSpec(
      { model: { topology, weights }, epochs: 1, optimizer: { learningRate: 1e-12 } },
      context,
    );
    const { model: fitted } = await train({ spec, ...data });
    const predictor = await loadPredictor(fitted, { engine: 'compiled' });
    // Not through the moving statistics of its batch norm, which one epoch has moved: TensorFlow.js's kernel is kept.
    const own = new Float32Array(fitted.weights.slice().buffer);
    expect(Array.from(own.subarray(0, 24))).toEqual(Array.from(Float32Array.from(values).subarray(0, 24)));
    predictor.dispose();
    expect(() => validateSpec({ model: { topology, weights: weights.slice(8) } }, context)).toThrow(
      expect.objectContaining({ details: { field: 'model.weights' } }),
    );
    model.dispose();
  });

  it('of Keras 3 is read too, Sequential and Functional', () => {
    const initializer = {
      module: 'keras.initializers',
      class_name: 'HeNormal',
      config: { seed: null },
      registered_name: null,
    };
    const dense = (name: string, units: number, activation: string): object => ({
      module: 'keras.layers',
      class_name: 'Dense',
      config: {
        name,
        trainable: true,
        units,
        activation,
        use_bias: true,
        kernel_initializer: initializer,
        kernel_regularizer: null,
      },
    });
    const input = {
      class_name: 'InputLayer',
      config: { batch_shape: [null, null], dtype: 'float32', name: 'in' },
    };
    const sequential = {
      class_name: 'Sequential',
      config: { layers: [input, dense('a', 5, 'silu'), dense('b', 3, 'softmax')] },
    };
    const history = (name: string): object => ({
      class_name: '__keras_tensor__',
      config: { keras_history: [name, 0, 0] },
    });
    const fed = (layer: object, name: string, ...sources: string[]): object => ({
      ...layer,
      name,
      inbound_nodes:
        sources.length === 0
          ? []
          : [{ args: sources.length > 1 ? [sources.map(history)] : [history(sources[0]!)], kwargs: {} }],
    });
    const functional = {
      class_name: 'Functional',
      config: {
        layers: [
          fed(input, 'in'),
          fed(dense('a', 5, 'gelu'), 'a', 'in'),
          fed(dense('b', 5, 'relu'), 'b', 'a'),
          fed({ class_name: 'Add', config: { name: 'sum' } }, 'sum', 'a', 'b'),
          fed(dense('c', 3, 'softmax'), 'c', 'sum'),
        ],
        input_layers: [['in', 0, 0]],
        output_layers: ['c', 0, 0],
      },
    };
    const first = planFromTopology(sequential, 4).plan!;
    expect(first.operations.map(({ kind }) => kind)).toEqual(['dense', 'dense']);
    expect(first.operations[0]).toMatchObject({ activation: 'silu', initializer: 'he_normal', inputs: 4 });
    const second = planFromTopology(functional, 4).plan!;
    expect(second.operations.map(({ kind, sources }) => [kind, sources])).toEqual([
      ['dense', [0]],
      ['dense', [1]],
      ['add', [1, 2]],
      ['dense', [3]],
    ]);
    expect(validateSpec({ model: functional }, context).model?.topology).toBeDefined();
  });

  it.each([
    [
      'a layer that there is no mathematics for',
      {
        class_name: 'Sequential',
        config: { layers: [{ class_name: 'Capsule', config: { name: 'g', batch_input_shape: [null, 4] } }] },
      },
      /g \(Capsule\)/,
    ],
    [
      'another number of inputs',
      {
        class_name: 'Sequential',
        config: {
          layers: [
            {
              class_name: 'Dense',
              config: { units: 3, activation: 'softmax', batch_input_shape: [null, 9] },
            },
          ],
        },
      },
      /takes 9 inputs where the data has 4/,
    ],
    [
      'another number of outputs',
      {
        class_name: 'Sequential',
        config: { layers: [{ class_name: 'Dense', config: { units: 2, activation: 'softmax' } }] },
      },
      /gives 2 outputs where the data needs 3/,
    ],
    [
      'another last activation',
      {
        class_name: 'Sequential',
        config: { layers: [{ class_name: 'Dense', config: { units: 3, activation: 'relu' } }] },
      },
      /activation softmax/,
    ],
  ])('with %s is refused by name', (_title, topology, message) => {
    expect(() => validateSpec({ model: { topology } }, context)).toThrow(
      expect.objectContaining({
        code: 'RK_SPEC_INVALID',
        details: { field: 'model.topology' },
        message: expect.stringMatching(message),
      }),
    );
  });
});

describe('a saved topology', () => {
  it('gives its plan back, whatever is in it', () => {
    const { layers, embeddings } = validateSpec(
      {
        embeddings: [
          { columns: 2, vocabulary: 7, dimension: 3 },
          { columns: [0, 2], dimension: 2 },
        ],
        layers: [
          { units: 6, activation: 'leaky_relu' },
          {
            type: 'residual',
            layers: [
              { type: 'layer_norm' },
              { units: 6, activation: 'gelu' },
              { type: 'dropout', rate: 0.1 },
            ],
          },
          { type: 'batch_norm' },
          { type: 'activation', activation: 'selu' },
          {},
        ],
      },
      context,
    );
    const plan = planNetwork(layers, 4, embeddings);
    const back = planFromTopology(topologyOf(plan)).plan!;
    expect(back.parameters.map(({ shape }) => shape)).toEqual(plan.parameters.map(({ shape }) => shape));
    expect(topologyOf(back).length).toBeGreaterThan(1_000);
    expect(back.outputs).toBe(3);
  });
});
