import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countParameters,
  loadPredictor,
  releaseOnnxSessions,
  tensorMemory,
  train,
  trainedModelFromProto,
  trainedModelToProto,
  useBackend,
  validateSpec,
} from '@rookery/nn';
import type { SpecContext, TrainJob } from '@rookery/nn';

const context: SpecContext = { task: 'classification', inputs: 6, outputs: 3 };
const regression: SpecContext = { task: 'regression', inputs: 6, outputs: 1 };
const rows = 48;
const features = Float32Array.from({ length: rows * 6 }, (_, i) => Math.sin(i * 12.9898) * 1.4);
/** The class says where a row's largest value is. */
const targets = Int32Array.from({ length: rows }, (_, row) => {
  const own = features.subarray(row * 6, row * 6 + 6);
  return Math.floor(own.indexOf(Math.max(...own)) / 2);
});
const numbers = Float32Array.from(
  { length: rows },
  (_, row) => 50 + 10 * features[row * 6]! - 4 * features[row * 6 + 5]!,
);
const data: Omit<TrainJob, 'spec'> = { features, targets, rows, width: 6, backend: 'cpu', seed: 5 };

beforeAll(() => useBackend('cpu'));
afterAll(() => releaseOnnxSessions());

interface Json {
  class_name: string;
  config: Record<string, unknown>;
}
const layer = (class_name: string, config: Record<string, unknown> = {}): Json => ({ class_name, config });
const softmax = layer('Dense', { units: 3, activation: 'softmax' });
const sequential = (...layers: Json[]): object => ({
  class_name: 'Sequential',
  config: { name: 's', layers },
});
/** Six columns as six steps of one number. */
const steps = layer('Reshape', { target_shape: [6, 1], batch_input_shape: [null, 6] });
/** As many steps as there are columns. */
const openSteps = layer('Reshape', { target_shape: [-1, 1] });

const networks: [string, object][] = [
  ['Conv1D and pooling', sequential(
    openSteps,
    layer('Conv1D', { filters: 4, kernel_size: [3], activation: 'relu', padding: 'same' }),
    layer('MaxPooling1D', { pool_size: [2] }),
    layer('BatchNormalization'),
    layer('Flatten'),
    softmax,
  )],
  ['LSTM', sequential(steps, layer('LSTM', { units: 5 }), layer('Dropout', { rate: 0.3 }), softmax)],
  ['a bidirectional GRU and global pooling', sequential(
    steps,
    layer('Bidirectional', { layer: layer('GRU', { units: 3, return_sequences: true, reset_after: false }), merge_mode: 'concat' }),
    layer('GlobalAveragePooling1D'),
    softmax,
  )],
  ['SimpleRNN over windows that the input has by itself', sequential(
    layer('SimpleRNN', { units: 4, batch_input_shape: [null, 3, 2] }),
    softmax,
  )],
  ['Conv2D', sequential(
    layer('InputLayer', { batch_input_shape: [null, 2, 3, 1], name: 'image' }),
    layer('Conv2D', { filters: 3, kernel_size: [2, 2], activation: 'elu' }),
    layer('GlobalMaxPooling2D'),
    softmax,
  )],
  ['TimeDistributed, Permute, PReLU and RepeatVector', sequential(
    steps,
    layer('TimeDistributed', { layer: layer('Dense', { units: 2 }) }),
    layer('Permute', { dims: [2, 1] }),
    layer('Flatten'),
    layer('PReLU'),
    layer('RepeatVector', { n: 2 }),
    layer('Flatten'),
    softmax,
  )],
]; // prettier-ignore

describe('a given model with layers that only TensorFlow.js has', () => {
  it.each(networks)('%s is trained, repeats to the bit, and is served', async (_name, topology) => {
    const given = {
      model: { topology },
      epochs: 5,
      batchSize: rows,
      optimizer: { type: 'adam', learningRate: 0.03 },
    };
    const spec = validateSpec(given, context);
    expect(validateSpec(JSON.parse(JSON.stringify(spec)), context)).toEqual(spec);
    expect(countParameters(spec, 6)).toBe(0);
    const before = tensorMemory().tensors;
    const result = await train({ ...data, spec });
    expect(result).toMatchObject({ engine: 'tfjs', backend: 'cpu', epochsRun: 5 });
    expect(result.engineReason).toMatch(/no other engine can express the layer/);
    expect(result.history.loss.at(-1)).toBeLessThan(result.history.loss[0]!);
    expect(tensorMemory().tensors).toBe(before);
    expect((await train({ ...data, spec })).model).toEqual(result.model);
    expect((await train({ ...data, spec, seed: 6 })).model.weights).not.toEqual(result.model.weights);

    const model = trainedModelFromProto(trainedModelToProto(result.model));
    const predictor = await loadPredictor(model, { backend: 'cpu', asynchronous: true });
    expect(predictor.engine).toBe('tfjs');
    const answers = predictor.predict(features, rows);
    expect(answers.subarray(0, 3).reduce((sum, one) => sum + one)).toBeCloseTo(1, 5);
    predictor.dispose();
    const wasm = await loadPredictor(model, { backend: 'wasm' });
    wasm.predict(features, rows).forEach((one, i) => expect(one).toBeCloseTo(answers[i]!, 4));
    wasm.dispose();
    await useBackend('cpu');
  });

  it.each([
    ['sgd', { optimizer: { learningRate: 0.05 } }],
    [
      'sgd with a momentum and clipping',
      { optimizer: { type: 'momentum', learningRate: 0.02, globalClipNorm: 0.5 } },
    ],
    [
      'adamw with a schedule',
      { optimizer: { type: 'adamw', learningRate: 0.01, schedule: { type: 'cosine' } } },
    ],
    ['weights of classes and a validation split', { classWeights: [1, 2, 0.5], validationSplit: 0.25 }],
    [
      'early stopping',
      { validationSplit: 0.25, earlyStopping: { patience: 1 }, optimizer: { learningRate: 2 } },
    ],
  ])('is fitted as the algebra fits, with %s', async (_what, settings) => {
    const kernel = { kernel_regularizer: layer('L1L2', { l1: 0, l2: 0.02 }) };
    const plain = [
      layer('Dense', { units: 7, activation: 'tanh', batch_input_shape: [null, 6], ...kernel }),
      layer('BatchNormalization'),
      softmax,
    ];
    // A Reshape that changes nothing, which the algebra has not.
    const kept = [...plain.slice(0, 1), layer('Reshape', { target_shape: [7] }), ...plain.slice(1)];
    const start = Float32Array.from({ length: 49 + 28 + 24 }, (_, i) =>
      i >= 49 + 14 + 24 + 7 ? 1 : Math.sin(i) / 2,
    );
    const weights = Buffer.from(start.buffer).toString('base64');
    const fit = (layers: Json[]): ReturnType<typeof train> => {
      const given = {
        model: { topology: sequential(...layers), weights },
        epochs: 4,
        batchSize: 16,
        ...settings,
      };
      return train({ ...data, spec: validateSpec(given, context), engine: 'tfjs' });
    };
    const [expected, actual] = [await fit(plain), await fit(kept)];
    expect(actual.engineReason).toContain('Reshape');
    expect(expected.engineReason).not.toContain('Reshape');
    const gap = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
      Math.max(...Array.from(a, (one, i) => Math.abs(one - b[i]!)));
    const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
    expect(gap(floats(actual.model.weights), floats(expected.model.weights))).toBeLessThan(2e-4);
    expect(gap(actual.history.loss, expected.history.loss)).toBeLessThan(1e-4);
    expect(gap(actual.history.valLoss ?? [], expected.history.valLoss ?? [])).toBeLessThan(1e-4);
    expect([actual.bestEpoch, actual.stoppedEarly]).toEqual([expected.bestEpoch, expected.stoppedEarly]);
  });

  it('is fitted as the algebra fits, with weights of the rows that have a label', async () => {
    const targets = Float32Array.from({ length: rows * 3 }, (_, at) => Number((at * 5) % 7 < 2));
    const hidden = layer('Dense', { units: 7, activation: 'tanh', batch_input_shape: [null, 6] });
    const end = layer('Dense', { units: 3, activation: 'sigmoid' });
    const start = Float32Array.from({ length: 49 + 24 }, (_, i) => Math.sin(i) / 2);
    const weights = Buffer.from(start.buffer).toString('base64');
    const fit = (layers: Json[], more: object): ReturnType<typeof train> => {
      const topology = sequential(...layers);
      const given = { model: { topology, weights }, epochs: 4, optimizer: { learningRate: 0.1 }, ...more };
      const spec = validateSpec(given, { task: 'multilabel', inputs: 6, outputs: 3 });
      return train({ ...data, targets, spec, engine: 'tfjs' });
    };
    const positiveWeights = [4, 1, 0.5];
    const expected = await fit([hidden, end], { positiveWeights });
    const actual = await fit([hidden, layer('Reshape', { target_shape: [7] }), end], { positiveWeights });
    const unweighted = await fit([hidden, end], {});
    expect(actual.engineReason).toContain('Reshape');
    const floats = (bytes: Uint8Array): Float32Array => new Float32Array(bytes.slice().buffer);
    const gap = (one: typeof actual): number =>
      Math.max(
        ...floats(one.model.weights).map((value, i) => Math.abs(value - floats(expected.model.weights)[i]!)),
      );
    expect(gap(actual)).toBeLessThan(1e-5);
    expect(gap(unweighted)).toBeGreaterThan(1e-2);
  });

  it('takes the steps that TensorFlow.js takes by itself', async () => {
    const [, topology] = networks[0]!;
    const spec = validateSpec(
      { model: { topology }, epochs: 3, batchSize: rows, optimizer: { learningRate: 0.1 } },
      context,
    );
    const one = await train({
      ...data,
      spec: { ...spec, epochs: 1, optimizer: { type: 'sgd', learningRate: 1e-9 } },
    });
    const start = Buffer.from(one.model.weights);
    // The moving statistics of its batch norm moved in that epoch: the start of both is what came out of it.
    const given = { ...spec, model: { topology, weights: start.toString('base64') } };
    const fitted = await train({ ...data, spec: validateSpec(given, context) });

    const own = await tfl.loadLayersModel(
      tf.io.fromMemory({
        modelTopology: JSON.parse(one.model.topology) as object,
        weightSpecs: one.model.weightSpecs,
        weightData: new Uint8Array(start).buffer,
      }),
    );
    own.compile({ optimizer: tf.train.sgd(0.1), loss: 'sparseCategoricalCrossentropy' });
    const x = tf.tensor2d(features, [rows, 6]);
    const y = tf.tensor2d(Float32Array.from(targets), [rows, 1]);
    for (let step = 0; step < 3; step += 1) await own.trainOnBatch(x, y);
    const expected = own.getWeights().flatMap((weight) => [...weight.dataSync()]);
    const actual = new Float32Array(fitted.model.weights.slice().buffer);
    expect(actual).toHaveLength(expected.length);
    actual.forEach((value, i) => expect(value).toBeCloseTo(expected[i]!, 4));
    tf.dispose([x, y]);
    own.dispose();
  });

  it('of Keras 3 is read, Sequential and Functional, with its policies and places in modules', async () => {
    const keras = (class_name: string, config: Record<string, unknown>, inbound?: string[]): object => ({
      module: 'keras.layers',
      class_name,
      registered_name: null,
      build_config: { input_shape: [null, 6] },
      name: config['name'],
      config: {
        ...config,
        trainable: true,
        dtype: { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' }, registered_name: null },
      },
      inbound_nodes: (inbound ?? []).length === 0 ? [] : [
        {
          args: inbound!.length === 1
            ? [{ class_name: '__keras_tensor__', config: { keras_history: [inbound![0], 0, 0] } }]
            : [inbound!.map((name) => ({ class_name: '__keras_tensor__', config: { keras_history: [name, 0, 0] } }))],
          kwargs: {},
        },
      ],
    }); // prettier-ignore
    const initializer = {
      module: 'keras.initializers',
      class_name: 'OrthogonalInitializer',
      config: { gain: 1, seed: null },
    };
    const shared = {
      units: 4,
      activation: 'tanh',
      recurrent_activation: 'sigmoid',
      recurrent_initializer: { ...initializer, class_name: 'Orthogonal' },
      dropout: 0,
      recurrent_dropout: 0,
      seed: null,
      use_cudnn: 'auto',
      zero_output_for_mask: false,
    };
    const topology = {
      module: 'keras',
      class_name: 'Functional',
      config: {
        name: 'f',
        layers: [
          keras('InputLayer', { name: 'window', batch_shape: [null, 6, 1], sparse: false, ragged: false }),
          keras('LSTM', { name: 'lstm', ...shared }, ['window']),
          keras('Conv1D', { name: 'conv', filters: 4, kernel_size: [3], data_format: 'channels_last' }, [
            'window',
          ]),
          keras('GlobalMaxPooling1D', { name: 'pool', data_format: 'channels_last' }, ['conv']),
          keras('Multiply', { name: 'both' }, ['lstm', 'pool']),
          keras('Dense', { name: 'out', units: 1, activation: 'linear', use_bias: true }, ['both']),
        ],
        input_layers: [['window', 0, 0]],
        output_layers: [['out', 0, 0]],
      },
    };
    const spec = validateSpec(
      { model: topology, epochs: 40, optimizer: { type: 'adam', learningRate: 0.02 } },
      regression,
    );
    const { model, history } = await train({ ...data, targets: numbers, spec });
    expect(history.loss.at(-1)).toBeLessThan(0.7 * history.loss[0]!);
    const predictor = await loadPredictor(model, { backend: 'cpu' });
    const mean = predictor.predict(features, rows).reduce((sum, one) => sum + one) / rows;
    // In the unit of the target: the scaling is folded into the last layer.
    expect(Math.abs(mean - numbers.reduce((sum, one) => sum + one) / rows)).toBeLessThan(6);
    predictor.dispose();
  });

  it.each([
    [
      'a layer that nobody has',
      'whatever (Capsule)',
      sequential(steps, layer('Capsule', { name: 'whatever' }), softmax),
    ],
    [
      'a layer whose chance has no seed',
      'GaussianNoise',
      sequential(layer('GaussianNoise', { stddev: 1 }), softmax),
    ],
    [
      'dropout inside of a recurrent layer',
      'dropout',
      sequential(steps, layer('LSTM', { units: 2, dropout: 0.2 }), softmax),
    ],
    ['code', 'Lambda', sequential(layer('Lambda', { function: 'x' }), softmax)],
    [
      'noise in a wrapper',
      'AlphaDropout',
      sequential(steps, layer('TimeDistributed', { layer: layer('AlphaDropout', { rate: 0.1 }) }), softmax),
    ],
    [
      'another width',
      'the data has 6 columns',
      sequential(layer('LSTM', { units: 2, batch_input_shape: [null, 5, 1] }), softmax),
    ],
    [
      'another output',
      '3 units',
      sequential(steps, layer('LSTM', { units: 2 }), layer('Dense', { units: 4, activation: 'softmax' })),
    ],
    ['no dense layer in its end', '3 units', sequential(steps, layer('LSTM', { units: 3 }))],
  ])('is refused for %s, before anything is built', (_what, part, topology) => {
    expect(() => validateSpec({ model: { topology } }, context)).toThrow(
      expect.objectContaining({
        code: 'RK_SPEC_INVALID',
        details: { field: 'model.topology' },
        message: expect.stringContaining(part),
      }),
    );
  });

  it('is refused where its shapes do not fit, in the words of TensorFlow.js, and leaves nothing behind', async () => {
    const before = tensorMemory().tensors;
    for (const wrong of [
      sequential(steps, layer('Conv1D', { filters: 2, kernel_size: [3] }), softmax),
      sequential(steps, layer('Reshape', { target_shape: [5] }), softmax),
      sequential(steps, layer('GRU', { units: 2, reset_after: true }), softmax),
    ]) {
      const spec = validateSpec({ model: { topology: wrong } }, context);
      await expect(train({ ...data, spec })).rejects.toMatchObject({
        code: 'RK_SPEC_INVALID',
        details: { field: 'model.topology' },
      });
    }
    expect(tensorMemory().tensors).toBe(before);
  });

  it('is refused by the engines that can not express it, and where its weights are not as many', async () => {
    const [, topology] = networks[1]!;
    const spec = validateSpec({ model: { topology } }, context);
    for (const engine of ['onnx', 'compiled'] as const)
      await expect(train({ ...data, spec, engine })).rejects.toMatchObject({
        code: 'RK_BACKEND_UNAVAILABLE',
      });
    const weights = Buffer.alloc(40).toString('base64');
    await expect(
      train({ ...data, spec: validateSpec({ model: { topology, weights } }, context) }),
    ).rejects.toMatchObject({ code: 'RK_MODEL_CORRUPT', message: expect.stringContaining('40') });
    // wasm has no gradients: the cpu's are taken.
    expect((await train({ ...data, spec: { ...spec, epochs: 1 }, backend: 'wasm' })).backend).toBe('cpu');
  });
});
