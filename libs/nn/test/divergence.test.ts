import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { releaseOnnxSessions, tensorMemory, train, useBackend, validateSpec } from '@rookery/nn';
import { randomStream } from '../src/random.js';
import type { TrainJob } from '@rookery/nn';

beforeAll(() => useBackend('cpu'));
afterAll(() => releaseOnnxSessions());

const rows = 60;
const columns = [
  { name: 'age', from: 0, to: 1 },
  { name: 'place', from: 1, to: 3 },
];

/** A line through noise, its second input times `scale` and its target times `unit`. */
function problem(scale = 1, unit = 1): Pick<TrainJob, 'features' | 'rows' | 'width' | 'targets' | 'columns'> {
  const random = randomStream(5, 0);
  const features = Float32Array.from(
    { length: rows * 3 },
    (_, i) => (random() * 4 - 2) * (i % 3 === 1 ? scale : 1),
  );
  const targets = Float32Array.from({ length: rows }, (_, row) => (features[row * 3]! + random()) * unit);
  return { features, rows, width: 3, targets, columns };
}

const regression = { task: 'regression', inputs: 3, outputs: 1 } as const;
const linear = [{ units: 8, activation: 'linear' }, {}];
const base = { layers: linear, epochs: 400 };

const cases: [
  cause: string,
  says: RegExp,
  spec: object,
  data: ReturnType<typeof problem>,
  weighted?: number,
][] = [
  [
    'learning_rate',
    /learning rate, 50 for sgd, is too large/,
    { optimizer: { learningRate: 50 } },
    problem(),
  ],
  [
    'learning_rate',
    /learning rate, 90 for sgd/,
    { optimizer: { learningRate: 90, momentum: 0.9 } },
    problem(),
  ],
  ['feature_scale', /feature "place", which goes up to \d+, is not standardised/, {}, problem(5_000)],
  [
    'target_scale',
    /target, which goes up to \S+ and is not standardised/,
    { targetScaling: 'none' },
    problem(1, 1e9),
  ],
  ['row_weights', /weights of rows, classes or labels, which go up to 5000/, {}, problem(), 5_000],
];

describe.each(['compiled', 'tfjs', 'onnx'] as const)('a fit by the engine %s that diverges', (engine) => {
  it.each(cases)(
    'ends at once, with its epoch and the cause %s (%s)',
    async (cause, says, given, data, weight) => {
      const spec = validateSpec({ ...base, ...given }, regression);
      let epochs = 0;
      const sampleWeights =
        weight === undefined ? {} : { sampleWeights: new Float32Array(rows).fill(weight) };
      const before = tensorMemory().tensors;
      const fit = train({
        ...data,
        ...sampleWeights,
        spec,
        engine,
        backend: 'cpu',
        onEpoch: (epoch) => void (epochs = epoch),
      });
      const error = (await fit.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )) as { code: string; message: string; details: Record<string, string> };
      expect(error).toMatchObject({
        code: 'RK_TRAIN_DIVERGED',
        message: expect.stringMatching(says),
        details: { cause, epoch: String(epochs + 1) },
      });
      expect(error.message).toContain(`diverged in epoch ${epochs + 1}, `);
      expect(epochs).toBeLessThan(base.epochs - 1);
      expect(tensorMemory().tensors).toBe(before);
    },
  );

  it('names the epoch whose held-out rows are the first to give no number', async () => {
    const spec = validateSpec(
      { ...base, validationSplit: 0.5, batchSize: 60, optimizer: { learningRate: 60 } },
      regression,
    );
    await expect(train({ ...problem(), spec, engine, backend: 'cpu' })).rejects.toMatchObject({
      code: 'RK_TRAIN_DIVERGED',
      details: { epoch: expect.stringMatching(/^[1-9]\d*$/), cause: 'learning_rate' },
    });
  });
});

it('a column without a name is told by its number', async () => {
  const { columns: _columns, ...unnamed } = problem(5_000);
  await expect(
    train({ ...unnamed, spec: validateSpec(base, regression), backend: 'cpu' }),
  ).rejects.toMatchObject({
    message: expect.stringContaining('the feature column 1, '),
    details: { column: '1' },
  });
});
