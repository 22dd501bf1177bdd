import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { releaseOnnxSessions, train, trainTogether, useBackend, validateSpec } from '@rookery/nn';
import { randomStream } from '../src/random.js';
import type { TrainJob } from '@rookery/nn';

beforeAll(() => useBackend('cpu'));
afterAll(() => releaseOnnxSessions());

const context = { task: 'classification', inputs: 6, outputs: 3 } as const;

function data(rows: number, seed: number): Pick<TrainJob, 'features' | 'rows' | 'width' | 'targets'> {
  const random = randomStream(seed, 3);
  const features = Float32Array.from({ length: rows * 6 }, () => random() * 4 - 2);
  const targets = Int32Array.from({ length: rows }, (_, row) =>
    Math.floor(Math.abs(features[row * 6]!) * 1.49),
  );
  return { features, rows, width: 6, targets };
}

const fold = (spec: object, rows: number, seed: number, more: Partial<TrainJob> = {}): TrainJob => ({
  spec: validateSpec({ batchSize: 16, epochs: 12, ...spec }, context),
  ...data(rows, seed),
  seed,
  engine: 'onnx',
  ...more,
});

/** The networks, as `train` fits them one by one. */
async function alone(jobs: readonly TrainJob[]): Promise<PromiseSettledResult<unknown>[]> {
  const results: PromiseSettledResult<unknown>[] = [];
  for (const job of jobs) results.push(...(await Promise.allSettled([train(job)])));
  return results;
}

describe('fits that run together', () => {
  it.each([
    ['plain', {}],
    ['with adam and a schedule', { optimizer: { type: 'adam', schedule: { type: 'cosine' } } }],
    [
      'with norms, dropout, a residual block, penalties and clipping',
      {
        layers: [
          { units: 8, l2: 0.01 },
          { type: 'batch_norm' },
          { type: 'dropout' },
          { type: 'residual', layers: [{ type: 'layer_norm' }, { units: 8 }] },
          {},
        ],
        optimizer: { type: 'adamw', globalClipNorm: 1 },
      },
    ],
    [
      'with early stopping, each at an epoch of its own',
      {
        optimizer: { learningRate: 1.5 },
        epochs: 60,
        validationSplit: 0.25,
        earlyStopping: { patience: 2 },
      },
    ],
  ])('%s give the networks of each fit alone, to the bit', async (_what, spec) => {
    // Short last batches of different sizes; the final model, of all rows, has more steps.
    const jobs = [100, 103, 97, 101, 125].map((rows, seed) => fold(spec, rows, seed));
    const expected = await alone(jobs);
    expect(await trainTogether(jobs)).toEqual(expected);
    expect(expected.every(({ status }) => status === 'fulfilled')).toBe(true);
  });

  it('go on where one diverges, one is stopped, one is refused, one is another network and one has another engine', async () => {
    let epochs = 0;
    const good = fold({}, 100, 1);
    const jobs = [
      good,
      fold({ layers: [{ units: 9, activation: 'linear' }, {}], optimizer: { learningRate: 99 } }, 100, 2),
      fold({ epochs: 400 }, 100, 3, {
        onEpoch: (epoch) => void (epochs = epoch),
        shouldStop: () => epochs >= 3,
      }),
      fold({}, 100, 4, { targets: new Int32Array(100).fill(7) }),
      fold({ layers: [{ units: 5 }, {}] }, 100, 5),
      fold({}, 100, 6, { engine: 'compiled', backend: 'cpu' }),
      fold({}, 100, 7),
    ];
    const outcomes = await trainTogether(jobs);
    expect(outcomes.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
      'fulfilled',
    ]);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'RK_TRAIN_DIVERGED' } });
    expect(outcomes[2]).toMatchObject({ value: { stopped: true } });
    expect(outcomes[3]).toMatchObject({ reason: { code: 'RK_TRAIN_INPUT' } });
    for (const i of [0, 4, 5, 6]) expect([outcomes[i]]).toEqual(await alone([jobs[i]!]));
  });

  it('are none, or one', async () => {
    expect(await trainTogether([])).toEqual([]);
    const job = fold({}, 40, 1);
    expect(await trainTogether([job])).toEqual(await alone([job]));
  });
});

it('the folds of a run, of other numbers of rows, take the session that the first of them opened', async () => {
  await releaseOnnxSessions();
  const { InferenceSession } = await import('onnxruntime-node');
  const create = vi.spyOn(InferenceSession, 'create');
  try {
    for (const rows of [100, 103, 97, 125]) await train(fold({}, rows, rows));
    expect(create).toHaveBeenCalledTimes(1);
  } finally {
    create.mockRestore();
  }
});
