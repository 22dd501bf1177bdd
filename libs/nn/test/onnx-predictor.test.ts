import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as runtime from 'onnxruntime-node';
import { defaultSpec, loadPredictor, tensorMemory, useBackend, validateSpec } from '@rookery/nn';
import { planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import { hiddenActivations } from './support/activations.js';
import { randomModelOf } from './support/random-model.js';
import type { Task, TrainedModel } from '@rookery/nn';

beforeAll(() => useBackend('cpu'));
afterEach(() => vi.restoreAllMocks());

/** A model of the specification with random weights, moving statistics included. */
function modelOf(given: object, task: Task, inputs: number, outputs: number, seed = 1): TrainedModel {
  const spec = validateSpec(given, { task, inputs, outputs });
  const plan = planNetwork(spec.layers, inputs, spec.embeddings);
  return randomModelOf(plan, { ...defaultSpec(task, inputs, outputs), ...spec }, task, seed);
}

const large = (seed = 1): TrainedModel =>
  modelOf({ layers: [{ units: 128 }, { units: 64 }, {}] }, 'classification', 64, 3, seed);
const rowsFor = (model: TrainedModel, rows: number): Float32Array => {
  const random = randomStream(7, rows);
  return Float32Array.from({ length: rows * model.inputs }, () => random() * 6 - 3);
};

describe('a predictor on onnxruntime', () => {
  const activation = fc.constantFrom(...hiddenActivations);
  const dense = fc.record({ units: fc.integer({ min: 1, max: 40 }), activation, useBias: fc.boolean() });
  const layer = fc.oneof(
    { weight: 3, arbitrary: dense },
    fc.constantFrom({ type: 'batch_norm' }, { type: 'layer_norm' }, { type: 'dropout' }),
    fc.record({
      type: fc.constant('residual'),
      projection: fc.constant(true),
      layers: fc.array(dense, { minLength: 1, maxLength: 2 }),
    }),
  );
  const cases = fc.record({
    task: fc.constantFrom('classification' as const, 'regression' as const, 'multilabel' as const),
    layers: fc.array(layer, { maxLength: 4 }),
    embedded: fc.boolean(),
    inputs: fc.integer({ min: 3, max: 40 }),
    outputs: fc.integer({ min: 2, max: 6 }),
    rows: fc.integer({ min: 0, max: 70 }),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });

  it('answers as TensorFlow.js does within float32 rounding, and to the same bits from run to run and session to session', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ task, layers, embedded, inputs, outputs, rows, seed }) => {
        const embeddings = embedded ? { embeddings: [{ columns: [1, 3], dimension: 4 }] } : {};
        const model = modelOf({ layers: [...layers, {}], ...embeddings }, task, inputs, outputs, seed);
        const [onnx, again, layered] = await Promise.all([
          loadPredictor(model, { engine: 'onnx' }),
          loadPredictor(model, { engine: 'onnx' }),
          loadPredictor(model, { engine: 'tfjs', backend: 'cpu' }),
        ]);
        const features = rowsFor(model, rows);
        const expected = layered.predict(features, rows);
        const actual = await onnx.predictAsync(features, rows);
        const largest = Math.max(1, ...expected.map(Math.abs));
        expect(actual).toHaveLength(expected.length);
        actual.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(3e-5 * largest));
        expect(await onnx.predictAsync(features, rows)).toEqual(actual);
        expect(await again.predictAsync(features, rows)).toEqual(actual);
        for (const predictor of [onnx, again, layered]) predictor.dispose();
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('is taken for a large network, or for many rows, of a caller that waits for answers; never for another', async () => {
    const small = modelOf({}, 'classification', 9, 3);
    const engineOf = async (model: TrainedModel, options: object): Promise<string> => {
      const predictor = await loadPredictor(model, { backend: 'cpu', ...options });
      predictor.dispose();
      return predictor.engine;
    };
    expect(await engineOf(large(), { asynchronous: true })).toBe('onnx');
    expect(await engineOf(large(), {})).toBe('compiled');
    expect(await engineOf(small, { asynchronous: true })).toBe('compiled');
    expect(await engineOf(large(), { asynchronous: true, rows: 100 })).toBe('compiled');
    expect(await engineOf(small, { asynchronous: true, rows: 100_000 })).toBe('onnx');
    expect(await engineOf(large(), { asynchronous: true, engine: 'tfjs' })).toBe('tfjs');
  });

  it('writes into the array that is given, holds no tensor, and answers nothing synchronously or once disposed', async () => {
    const before = tensorMemory().tensors;
    const predictor = await loadPredictor(large(), { engine: 'onnx' });
    expect([predictor.tensorsHeld, tensorMemory().tensors]).toEqual([0, before]);
    const features = rowsFor(large(), 2);
    const out = new Float32Array(9).fill(7);
    expect(await predictor.predictAsync(features, 2, out)).toBe(out);
    expect(out.slice(6)).toEqual(Float32Array.of(7, 7, 7));
    expect(out.subarray(0, 3).reduce((sum, one) => sum + one)).toBeCloseTo(1, 6);
    await expect(predictor.predictAsync(features, 3)).rejects.toThrow(RangeError);
    expect(() => predictor.predict(features, 2)).toThrow(/predictAsync/);
    const inFlight = predictor.predictAsync(features, 2);
    predictor.dispose();
    predictor.dispose();
    expect(await inFlight).toEqual(out.slice(0, 6));
    await expect(predictor.predictAsync(features, 2)).rejects.toThrow(/disposed/);
  });

  it('gives many rows in parts, each the answers that it has alone', async () => {
    const predictor = await loadPredictor(large(), { engine: 'onnx' });
    const count = 70_000;
    const features = rowsFor(large(), count);
    let turns = 0;
    let counting = true;
    const turn = (): void => {
      turns += 1;
      if (counting) setImmediate(turn);
    };
    setImmediate(turn);
    const all = await predictor.predictAsync(features, count);
    counting = false;
    expect(turns).toBeGreaterThan(2);
    const tail = await predictor.predictAsync(features.subarray((count - 64) * 64), 64);
    tail.forEach((value, i) => expect(Math.abs(value - all[(count - 64) * 3 + i]!)).toBeLessThan(1e-5));
    predictor.dispose();
  });

  it('is passed over where onnxruntime is not there or refuses, and told so where it was asked for', async () => {
    vi.spyOn(runtime.InferenceSession, 'create').mockRejectedValue(new Error('no such operator'));
    await expect(loadPredictor(large(), { engine: 'onnx' })).rejects.toMatchObject({
      code: 'RK_BACKEND_UNAVAILABLE',
    });
    expect((await loadPredictor(large(), { asynchronous: true })).engine).toBe('compiled');
  });
});
