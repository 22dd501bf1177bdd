import fc from 'fast-check';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { defaultSpec, loadPredictor, tensorMemory, train, useBackend, validateSpec } from '@rookery/nn';
import { planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import { topologyOf } from '../src/topology/topology.js';
import { encodeWeights } from '../src/weights.js';
import { randomModelOf } from './support/random-model.js';
import type { LayerSpec, TrainedModel } from '@rookery/nn';

/** A model with random weights, moving statistics included. */
function randomModel(layers: LayerSpec[], inputs: number, seed: number): TrainedModel {
  const plan = planNetwork(layers, inputs);
  const spec = { ...defaultSpec('regression', inputs, plan.outputs), layers };
  return randomModelOf(plan, spec, 'regression', seed);
}

async function fitted(): Promise<TrainedModel> {
  const features = Float32Array.from({ length: 60 * 4 }, (_, i) => Math.sin(i * 12.9898));
  const targets = Int32Array.from({ length: 60 }, (_, row) => row % 3);
  const spec = { ...defaultSpec('classification', 4, 3), epochs: 2 };
  return (await train({ spec, features, targets, rows: 60, width: 4 })).model;
}

beforeAll(() => useBackend('cpu'));

describe('the compiled network', () => {
  const hidden = fc.oneof(
    fc.record({
      type: fc.constant('dense' as const),
      units: fc.integer({ min: 1, max: 70 }),
      activation: fc.constantFrom('linear', 'relu', 'sigmoid', 'tanh'),
    }),
    fc.record({ type: fc.constant('dropout' as const), rate: fc.constantFrom(0.1, 0.5) }),
    fc.record({
      type: fc.constant('batch_norm' as const),
      momentum: fc.constant(0.99),
      epsilon: fc.constant(1e-3),
    }),
  ) as fc.Arbitrary<LayerSpec>;

  it('answers as TensorFlow.js does, for any stack of layers and any number of rows', async () => {
    const cases = fc.record({
      layers: fc.array(hidden, { maxLength: 4 }),
      outputs: fc.integer({ min: 1, max: 9 }),
      activation: fc.constantFrom('softmax' as const, 'linear' as const),
      inputs: fc.integer({ min: 1, max: 60 }),
      rows: fc.integer({ min: 0, max: 9 }),
      seed: fc.integer({ min: 0, max: 1e6 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ layers, outputs, activation, inputs, rows, seed }) => {
        const model = randomModel([...layers, { type: 'dense', units: outputs, activation }], inputs, seed);
        const compiled = await loadPredictor(model, { engine: 'compiled' });
        const layered = await loadPredictor(model, { engine: 'tfjs' });
        const random = randomStream(seed, 4);
        const features = Float32Array.from({ length: rows * inputs }, () => random() * 6 - 3);
        const expected = layered.predict(features, rows);
        const actual = compiled.predict(features, rows);
        expect(actual).toHaveLength(rows * outputs);
        const largest = Math.max(1, ...expected.map(Math.abs));
        actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(2e-5 * largest));
        expect(await layered.predictAsync(features, rows)).toEqual(expected);
        compiled.dispose();
        layered.dispose();
      }),
      { numRuns: 60 },
    );
  });

  it('holds no tensor and writes into the array that is given', async () => {
    const model = await fitted();
    const before = tensorMemory().tensors;
    const predictor = await loadPredictor(model);
    expect(predictor.engine).toBe('compiled');
    expect(predictor.tensorsHeld).toBe(0);
    expect(tensorMemory().tensors).toBe(before);
    const out = new Float32Array(9).fill(7);
    const features = Float32Array.of(1, 2, 3, 4, -1, 0, 0.5, 9);
    expect(predictor.predict(features, 2, out)).toBe(out);
    expect(out.slice(0, 6)).toEqual(predictor.predict(features, 2));
    expect(out.slice(6)).toEqual(Float32Array.of(7, 7, 7));
    expect(await predictor.predictAsync(features, 2)).toEqual(out.slice(0, 6));
    expect(() => predictor.predict(features, 3)).toThrow(RangeError);
    expect(() => predictor.predict(features, 2, new Float32Array(5))).toThrow(RangeError);
    predictor.dispose();
    expect(() => predictor.predict(features, 2)).toThrow(/disposed/);
  });

  it('answers a row the same whatever rows come with it', async () => {
    const predictor = await loadPredictor(await fitted());
    const features = Float32Array.from({ length: 40 }, (_, i) => Math.cos(i));
    const together = predictor.predict(features, 10);
    for (let row = 0; row < 10; row += 1) {
      expect(predictor.predict(features.slice(row * 4, row * 4 + 4), 1)).toEqual(
        together.slice(row * 3, row * 3 + 3),
      );
    }
  });
});

describe('loading', () => {
  it.each(['compiled', 'tfjs'] as const)(
    '200 loads, predictions and disposals leave the tensors as they were: %s',
    async (engine) => {
      const model = await fitted();
      const before = tensorMemory();
      for (let cycle = 0; cycle < 200; cycle += 1) {
        const predictor = await loadPredictor(model, { engine });
        expect(tensorMemory().tensors - before.tensors).toBe(predictor.tensorsHeld);
        predictor.predict(new Float32Array(4), 1);
        await predictor.predictAsync(new Float32Array(8), 2);
        predictor.dispose();
        predictor.dispose();
      }
      expect(tensorMemory()).toEqual(before);
    },
  );

  it('the topology is the one that TensorFlow.js Layers writes', async () => {
    const context = { task: 'classification', inputs: 5, outputs: 2 } as const;
    const layers = [{ units: 4 }, { type: 'batch_norm' }, { type: 'dropout', rate: 0.25 }, {}];
    const plan = planNetwork(validateSpec({ layers }, context).layers, 5);
    const uniform = tfl.initializers.glorotUniform({});
    const model = tfl.sequential({
      name: 'network',
      layers: [
        tfl.layers.dense({
          name: 'dense_1',
          units: 4,
          activation: 'relu',
          inputShape: [5],
          kernelInitializer: uniform,
        }),
        tfl.layers.batchNormalization({ name: 'batch_norm_1' }),
        tfl.layers.dropout({ name: 'dropout_1', rate: 0.25 }),
        tfl.layers.dense({
          name: 'dense_2',
          units: 2,
          activation: 'softmax',
          kernelInitializer: tfl.initializers.glorotUniform({}),
        }),
      ],
    });
    expect(JSON.parse(topologyOf(plan))).toEqual(JSON.parse(JSON.stringify(model.toJSON(null, false))));
    let specs: unknown;
    await model.save(
      tf.io.withSaveHandler((artifacts) => {
        specs = artifacts.weightSpecs;
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
      }),
    );
    expect(plan.parameters).toEqual(specs);
    model.dispose();
  });

  it('a model of layers that cannot be compiled is served by TensorFlow.js, unless compiled was asked for', async () => {
    const model = await fitted();
    const changed = JSON.parse(model.topology) as {
      config: { layers: { config: { activation: string } }[] };
    };
    changed.config.layers[0]!.config.activation = 'mish';
    const mish = { ...model, topology: JSON.stringify(changed) };
    const predictor = await loadPredictor(mish);
    expect(predictor.engine).toBe('tfjs');
    expect(predictor.tensorsHeld).toBe(6);
    expect(predictor.predict(new Float32Array(4), 1).reduce((sum, p) => sum + p)).toBeCloseTo(1, 5);
    predictor.dispose();
    await expect(loadPredictor(mish, { engine: 'compiled' })).rejects.toMatchObject({
      code: 'RK_MODEL_UNSUPPORTED',
    });
  });

  it('a model is held to TensorFlow.js with its own weights, or, where that is asked for, with those of another one of its topology', async () => {
    const layers = (units: number): LayerSpec[] => [
      { type: 'dense', units, activation: 'linear' },
      { type: 'dense', units: 2, activation: 'softmax' },
    ];
    // Its answers are no numbers: no check can find them equal.
    const overflowing = (units: number): TrainedModel => {
      const model = randomModel(layers(units), 3, 1);
      return {
        ...model,
        weights: encodeWeights([new Float32Array(model.weights.byteLength / 4).fill(3e38)]),
      };
    };
    const engineOf = async (model: TrainedModel, check?: 'topology'): Promise<string> => {
      const predictor = await loadPredictor(model, check && { check });
      predictor.dispose();
      return predictor.engine;
    };
    expect(await engineOf(overflowing(5), 'topology')).toBe('tfjs');
    expect(await engineOf(randomModel(layers(5), 3, 1), 'topology')).toBe('compiled');
    expect(await engineOf(overflowing(5), 'topology')).toBe('compiled');
    expect(await engineOf(overflowing(5))).toBe('tfjs');
    expect(await engineOf(overflowing(6), 'topology')).toBe('tfjs');
  });

  it('a large model is served by TensorFlow.js', async () => {
    const predictor = await loadPredictor(
      randomModel(
        [
          { type: 'dense', units: 300, activation: 'relu' },
          { type: 'dense', units: 3, activation: 'softmax' },
        ],
        100,
        1,
      ),
    );
    expect(predictor.engine).toBe('tfjs');
    predictor.dispose();
  });

  it('models on two backends answer in turn, each on its own backend, and hold what they held', async () => {
    const model = await fitted();
    const before = tensorMemory().tensors;
    const wasm = await loadPredictor(model, { engine: 'tfjs', backend: 'wasm' });
    const cpu = await loadPredictor(model, { engine: 'tfjs', backend: 'cpu' });
    const features = Float32Array.of(1, -2, 0.5, 3);
    const first = wasm.predict(features, 1);
    expect(tf.getBackend()).toBe('wasm');
    for (let turn = 0; turn < 5; turn += 1) {
      const answers = cpu.predict(features, 1);
      expect(tf.getBackend()).toBe('cpu');
      answers.forEach((answer, i) => expect(answer).toBeCloseTo(first[i]!, 5));
      expect(wasm.predict(features, 1)).toEqual(first);
    }
    expect(tensorMemory().tensors).toBe(before + wasm.tensorsHeld + cpu.tensorsHeld);
    await loadPredictor(model, { engine: 'compiled', backend: 'cpu' });
    expect(tf.getBackend()).toBe('wasm');
    wasm.dispose();
    cpu.dispose();
    expect(tensorMemory().tensors).toBe(before);
    await useBackend('cpu');
  });

  it('a model that is corrupt is refused and holds nothing', async () => {
    const model = await fitted();
    const before = tensorMemory();
    const spoilt = model.weights.slice();
    new DataView(spoilt.buffer).setFloat32(8, NaN, true);
    const corrupt: TrainedModel[] = [
      { ...model, weights: model.weights.slice(0, -4) },
      { ...model, weights: new Uint8Array(0) },
      { ...model, weights: spoilt },
      { ...model, topology: '{' },
      { ...model, topology: 'null' },
      { ...model, inputs: 5 },
      { ...model, outputs: 4 },
      { ...model, topology: model.topology.replace('"units":10', '"units":11') },
      { ...model, topology: model.topology.replaceAll('"Dense"', '"Unheard"') },
    ];
    for (const broken of corrupt) {
      await expect(loadPredictor(broken)).rejects.toMatchObject({ code: 'RK_MODEL_CORRUPT' });
    }
    expect(tensorMemory()).toEqual(before);
  });
});
