import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadPredictor, releaseOnnxSessions, train, useBackend, validateSpec } from '@rookery/nn';
import { randomStream } from '../src/random.js';
import { hiddenActivations } from './support/activations.js';
import type { ModelSpec, Task, TrainJob, TrainResult } from '@rookery/nn';

beforeAll(() => useBackend('cpu'));
afterAll(() => releaseOnnxSessions());

const inputs = 5;
const rows = 43;
const outputsOf: Record<Task, number> = { classification: 3, regression: 2, multilabel: 3 };

/** Inputs 0 to 2 are numbers, 3 is a code of 0 to 3, 4 a number. */
function problem(task: Task, seed: number): Pick<TrainJob, 'features' | 'rows' | 'width' | 'targets'> {
  const random = randomStream(seed, 8);
  const features = Float32Array.from({ length: rows * inputs }, (_, i) =>
    i % inputs === 3 ? Math.floor(random() * 4) : random() * 4 - 2,
  );
  const outputs = outputsOf[task];
  const targets =
    task === 'classification'
      ? Int32Array.from({ length: rows }, () => Math.floor(random() * outputs))
      : Float32Array.from({ length: rows * outputs }, () =>
          task === 'regression' ? 100 + random() * 20 : Math.round(random()),
        );
  return { features, rows, width: inputs, targets };
}

const activation = fc.constantFrom(...hiddenActivations);
const dense = fc.record(
  {
    type: fc.constant('dense'),
    units: fc.integer({ min: 1, max: 9 }),
    activation,
    useBias: fc.boolean(),
    l1: fc.constantFrom(0.01, 0.1),
    l2: fc.constantFrom(0.01, 0.1),
    initializer: fc.constantFrom('he_normal', 'lecun_uniform', 'random_normal'),
  },
  { requiredKeys: ['type', 'units', 'activation'] },
);
const simple = fc.oneof(
  { weight: 3, arbitrary: dense },
  fc.record({ type: fc.constant('dropout'), rate: fc.constantFrom(0.2, 0.5) }),
  // A momentum below the default moves the statistics within the few steps.
  fc.record({ type: fc.constant('batch_norm'), momentum: fc.constantFrom(0.5, 0.9) }),
  fc.record({ type: fc.constant('layer_norm') }),
  fc.record({ type: fc.constant('activation'), activation }),
);
const residual = fc.record({
  type: fc.constant('residual'),
  layers: fc.array(simple, { minLength: 1, maxLength: 3 }),
  projection: fc.constant(true),
});
const schedule = fc.constantFrom(
  { type: 'exponential', decaySteps: 1, decayRate: 0.5 },
  { type: 'piecewise', unit: 'steps', boundaries: [1, 3], values: [0.02, 0.01, 0.005] },
  { type: 'cosine', unit: 'steps', warmupSteps: 2 },
);
const clipping = fc.constantFrom({}, { clipNorm: 0.1 }, { globalClipNorm: 0.2 }, { clipValue: 0.05 });
const optimizer = fc
  .tuple(
    fc.constantFrom(
      { type: 'sgd', learningRate: 0.01 },
      { type: 'sgd', learningRate: 0.01, momentum: 0.9, nesterov: true },
      { type: 'momentum', learningRate: 0.01 },
      { type: 'rmsprop', learningRate: 0.003 },
      { type: 'adam', learningRate: 0.003 },
      { type: 'adamw', learningRate: 0.003, weightDecay: 0.1 },
    ),
    clipping,
    fc.option(schedule, { nil: undefined }),
  )
  .map(([base, clip, rates]) => ({ ...base, ...clip, ...(rates && { schedule: rates }) }));
const embeddings = fc.constantFrom(
  undefined,
  [{ columns: 3, vocabulary: 4, dimension: 2 }],
  [
    { columns: [0, 2], dimension: 3, l2: 0.02 },
    { columns: [3, 4], vocabulary: 4, dimension: 2 },
  ],
);
const jobs = fc
  .record({
    task: fc.constantFrom('classification' as const, 'regression' as const, 'multilabel' as const),
    layers: fc.array(fc.oneof({ weight: 3, arbitrary: simple }, residual), { maxLength: 4 }),
    optimizer,
    embeddings,
    regressionLoss: fc.constantFrom('mse', 'mae', 'huber'),
    weighted: fc.boolean(),
    classWeights: fc.constantFrom(undefined, 'balanced', [0.5, 1, 2]),
    positiveWeights: fc.constantFrom(undefined, 'balanced', [0.5, 3, 12]),
    validationSplit: fc.constantFrom(0, 0.2),
    batchSize: fc.constantFrom(7, 16, 64),
    seed: fc.integer({ min: 0, max: 1e6 }),
  })
  .map(({ task, regressionLoss, weighted, classWeights, positiveWeights, layers, seed, ...rest }) => {
    const given = {
      ...rest,
      layers: [...layers, {}],
      epochs: 2,
      ...(task === 'regression' ? { loss: regressionLoss } : {}),
      ...(task === 'classification' && classWeights ? { classWeights } : {}),
      ...(task === 'multilabel' && positiveWeights ? { positiveWeights } : {}),
    };
    const spec = validateSpec(given, { task, inputs, outputs: outputsOf[task] });
    const random = randomStream(seed, 9);
    const sampleWeights = Float32Array.from({ length: rows }, () => Math.floor(random() * 4) / 2);
    return { spec, seed, ...problem(task, seed), ...(weighted ? { sampleWeights } : {}) };
  });

const floats = (weights: Uint8Array): Float32Array => new Float32Array(weights.slice().buffer);

/** Largest difference, relative to numbers above 1. */
function gap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i += 1)
    most = Math.max(most, Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  return most;
}

/** Whether a rounding error alone may decide something: the sign of an error (mae, l1) or of a gradient of almost nothing. */
function touchy(spec: ModelSpec): boolean {
  return spec.optimizer.type !== 'sgd' || JSON.stringify(spec).includes('l1') || spec.loss === 'mae';
}

describe('any specification', () => {
  it('is fitted alike by all engines, and predicted alike by the compiled network and TensorFlow.js', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, async (job) => {
        const fit = (engine: 'compiled' | 'onnx' | 'tfjs'): Promise<TrainResult> =>
          train({ ...job, engine, backend: 'cpu', yieldEvery: 10 });
        const compiled = await fit('compiled');
        const kernels = await fit('tfjs');
        const onnx = await fit('onnx');
        for (const other of [kernels, onnx]) {
          const tolerance = other === kernels ? 2e-5 : touchy(job.spec) ? 2e-2 : 2e-4;
          expect(gap(floats(other.model.weights), floats(compiled.model.weights))).toBeLessThan(tolerance);
          expect(gap(other.history.loss, compiled.history.loss)).toBeLessThan(2e-3);
          expect(gap(other.history.valLoss ?? [], compiled.history.valLoss ?? [])).toBeLessThan(5e-3);
          expect(other.model.topology).toBe(compiled.model.topology);
        }
        const [loops, layers] = await Promise.all(
          (['compiled', 'tfjs'] as const).map((engine) =>
            loadPredictor(compiled.model, { engine, backend: 'cpu' }),
          ),
        );
        const expected = layers!.predict(job.features, rows);
        const largest = Math.max(1, ...expected.map(Math.abs));
        expect(gap(loops!.predict(job.features, rows), expected)).toBeLessThan(5e-5 * largest);
        loops!.dispose();
        layers!.dispose();
      }),
      { numRuns: 40 },
    );
  }, 240_000);

  it('is fitted to the same bits each time', async () => {
    await fc.assert(
      fc.asyncProperty(jobs, fc.constantFrom('compiled' as const, 'onnx' as const), async (job, engine) => {
        const first = await train({ ...job, engine });
        expect((await train({ ...job, engine })).model).toEqual(first.model);
      }),
      { numRuns: 10 },
    );
  }, 120_000);
});
