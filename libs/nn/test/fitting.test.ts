import { describe, expect, it } from 'vitest';
import { loadPredictor, train, validateSpec } from '@rookery/nn';
import { decodeWeights } from '../src/weights.js';
import { validationRows } from '../src/validation-rows.js';
import { randomStream } from '../src/random.js';
import type { ModelSpec, SpecContext, TrainJob } from '@rookery/nn';

const context: SpecContext = { task: 'classification', inputs: 4, outputs: 3 };
const engines = ['compiled', 'onnx', 'tfjs'] as const;

/** Three classes by two of four features, a tenth of the labels wrong: it can be learnt by heart. */
function problem(rows = 200): Pick<TrainJob, 'features' | 'rows' | 'width' | 'targets'> {
  const random = randomStream(4, 7);
  const features = Float32Array.from({ length: rows * 4 }, () => random() * 4 - 2);
  const targets = Int32Array.from({ length: rows }, (_, row) => {
    if (random() < 0.1) return Math.floor(random() * 3);
    return features[row * 4]! > 0.5 ? 0 : features[row * 4 + 1]! > 0 ? 1 : 2;
  });
  return { features, rows, width: 4, targets };
}

describe('rows held out', () => {
  it('are drawn by the seed, never fitted, and as many as the share says', () => {
    const { fitted, held } = validationRows(103, 0.2, randomStream(1, 3));
    expect([fitted.length, held.length]).toEqual([82, 21]);
    expect([...fitted, ...held].sort((a, b) => a - b)).toEqual(Array.from({ length: 103 }, (_, i) => i));
    expect(validationRows(103, 0.2, randomStream(2, 3)).held).not.toEqual(held);
  });

  it.each(engines)('judge every epoch by the weights after it: %s', async (engine) => {
    const spec = validateSpec(
      { validationSplit: 0.25, epochs: 6, optimizer: 'adam', layers: [{ units: 8, l2: 0.01 }, {}] },
      context,
    );
    const data = problem();
    const { model, history } = await train({ spec, ...data, engine, backend: 'cpu', seed: 9 });
    expect(history.valLoss).toHaveLength(6);
    const { held } = validationRows(data.rows, 0.25, randomStream(9, 3));
    const predictor = await loadPredictor(model);
    const answers = predictor.predict(data.features, data.rows);
    predictor.dispose();
    let loss = 0;
    let right = 0;
    for (const row of held) {
      const answer = answers.subarray(row * 3, row * 3 + 3);
      loss -= Math.log(answer[data.targets[row]!]!) / held.length;
      if (answer.indexOf(Math.max(...answer)) === data.targets[row]) right += 1;
    }
    const [kernel] = decodeWeights(model.weightSpecs, model.weights);
    loss += 0.01 * kernel!.reduce((sum, w) => sum + w * w, 0);
    expect(history.valLoss!.at(-1)).toBeCloseTo(loss, 4);
    expect(history.valMetric!.at(-1)).toBeCloseTo(right / held.length, 6);
  });

  it('that leave nothing to fit on or nothing to judge by are refused', async () => {
    const spec = validateSpec({ validationSplit: 0.05 }, context);
    await expect(train({ spec, ...problem(1) })).rejects.toMatchObject({ code: 'RK_TRAIN_INPUT' });
  });
});

describe('early stopping', () => {
  const given = {
    layers: [{ units: 40 }, { units: 40 }, {}],
    optimizer: { type: 'adam', learningRate: 0.02 },
    epochs: 400,
    validationSplit: 0.3,
    earlyStopping: { patience: 5 },
  };

  it.each(engines)(
    'ends a fit that only learns by heart, with the weights of its best epoch: %s',
    async (engine) => {
      const spec = validateSpec(given, context);
      const result = await train({ spec, ...problem(), engine, backend: 'cpu', seed: 2 });
      const { history, bestEpoch, epochsRun } = result;
      expect(result).toMatchObject({ stoppedEarly: true, stopped: false });
      expect(epochsRun).toBeLessThan(400);
      expect(epochsRun).toBe(bestEpoch + 5);
      expect(history.valLoss!.indexOf(Math.min(...history.valLoss!)) + 1).toBe(bestEpoch);
      const { earlyStopping: _none, ...endless } = spec;
      const alone = await train({
        spec: { ...endless, epochs: bestEpoch },
        ...problem(),
        engine,
        backend: 'cpu',
        seed: 2,
      });
      expect(result.model.weights).toEqual(alone.model.weights);
    },
  );

  it('keeps the last weights where it is asked to', async () => {
    const spec = validateSpec({ ...given, earlyStopping: { patience: 2, restoreBest: false } }, context);
    const result = await train({ spec, ...problem(), seed: 2 });
    expect(result.bestEpoch).toBe(result.epochsRun);
  });

  it('of a regression watches the error fall, without rows held out too', async () => {
    const rows = 60;
    const features = Float32Array.from({ length: rows }, (_, i) => Math.sin(i));
    const targets = features.map((x) => 3 * x);
    const task = { task: 'regression', inputs: 1, outputs: 1 } as const;
    const stopping = { monitor: 'metric', patience: 1, minDelta: 0.5 };
    const spec = validateSpec({ layers: [{}], epochs: 300, earlyStopping: stopping }, task);
    const { epochsRun, stoppedEarly } = await train({ spec, features, targets, rows, width: 1 });
    expect(stoppedEarly).toBe(true);
    expect(epochsRun).toBeLessThan(300);
  });
});

describe('weights of rows', () => {
  it.each(engines)(
    'of a whole number do what as many copies of the row do, in one batch: %s',
    async (engine) => {
      const data = problem(40);
      const counts = Float32Array.from({ length: 40 }, (_, row) => 1 + (row % 3));
      const order = [...counts].flatMap((count, row) => Array.from({ length: count }, () => row));
      const copied = {
        features: Float32Array.from(
          order.flatMap((row) => [...data.features.subarray(row * 4, row * 4 + 4)]),
        ),
        targets: Int32Array.from(order, (row) => data.targets[row]!),
        rows: order.length,
        width: 4,
      };
      // A weighted batch is divided by its rows: the rate makes up for the larger one.
      const fit = (learningRate: number): object => ({
        epochs: 5,
        batchSize: 1_000,
        optimizer: { learningRate },
      });
      const weighted = await train({
        spec: validateSpec(fit(0.1), context),
        ...data,
        sampleWeights: counts,
        engine,
        backend: 'cpu',
      });
      const copies = await train({
        spec: validateSpec(fit((0.1 * order.length) / 40), context),
        ...copied,
        engine,
        backend: 'cpu',
      });
      const [a, b] = [weighted, copies].map(({ model }) => new Float32Array(model.weights.slice().buffer));
      a!.forEach((value, i) => expect(value).toBeCloseTo(b![i]!, 4));
    },
  );

  it('of balanced classes are rows / (classes × rows of the class)', async () => {
    const data = problem(90);
    const counts = [0, 1, 2].map((label) => data.targets.filter((one) => one === label).length);
    const balanced = validateSpec({ classWeights: 'balanced', epochs: 3 }, context);
    const listed = validateSpec(
      { classWeights: counts.map((count) => 90 / (3 * count)), epochs: 3 },
      context,
    );
    const [first, second] = await Promise.all([balanced, listed].map((spec) => train({ spec, ...data })));
    expect(first!.model.weights).toEqual(second!.model.weights);
  });

  it.each(engines)(
    'with a label weigh as those with a weight of their own do, and balanced ones by rows without / with it: %s',
    async (engine) => {
      const rows = 60;
      const random = randomStream(3, 0);
      const features = Float32Array.from({ length: rows * 4 }, () => random() * 2 - 1);
      // The second label is in every fifth row, the third in none.
      const targets = Float32Array.from({ length: rows * 3 }, (_, at) =>
        at % 3 === 2 ? 0 : Number(at % 3 === 1 ? Math.floor(at / 3) % 5 === 0 : random() < 0.3),
      );
      const count = targets.filter((target, at) => at % 3 === 0 && target === 1).length;
      const of = (given: object, outputs: number): ModelSpec =>
        validateSpec({ layers: [{}], epochs: 4, ...given }, { task: 'multilabel', inputs: 4, outputs });
      const fit = async (spec: ModelSpec, more: Partial<TrainJob> = {}): Promise<Float32Array> => {
        const { model } = await train({
          spec,
          features,
          rows,
          width: 4,
          targets,
          engine,
          backend: 'cpu',
          ...more,
        });
        return new Float32Array(model.weights.slice().buffer);
      };
      const balanced = await fit(of({ positiveWeights: 'balanced' }, 3));
      expect(balanced).toEqual(await fit(of({ positiveWeights: [(rows - count) / count, 4, 1] }, 3)));
      expect(balanced).not.toEqual(await fit(of({}, 3)));

      const single = targets.filter((_, at) => at % 3 === 1);
      const weighted = await fit(of({ positiveWeights: [4] }, 1), { targets: single });
      const sampleWeights = single.map((target) => (target === 1 ? 4 : 1));
      const byRow = await fit(of({}, 1), { targets: single, sampleWeights });
      weighted.forEach((value, i) => expect(value).toBeCloseTo(byRow[i]!, 6));
    },
  );

  it('of 1 for every label change no bit', async () => {
    const { features, rows, width } = problem(40);
    const targets = Float32Array.from({ length: 120 }, (_, at) => (at % 7 < 3 ? 1 : 0));
    const of = (given: object): ModelSpec =>
      validateSpec({ epochs: 3, ...given }, { task: 'multilabel', inputs: 4, outputs: 3 });
    const job = { features, rows, width, targets };
    const [plain, ones] = await Promise.all(
      [of({}), of({ positiveWeights: [1, 1, 1] })].map((spec) => train({ spec, ...job })),
    );
    expect(ones!.model.weights).toEqual(plain!.model.weights);
    expect(ones!.history).toEqual(plain!.history);
  });

  it.each([
    ['too few', new Float32Array(3)],
    ['negative', new Float32Array(200).fill(-1)],
    ['not a number', new Float32Array(200).fill(NaN)],
  ])('that are %s are refused', async (_title, sampleWeights) => {
    const spec = validateSpec({}, context);
    await expect(train({ spec, ...problem(), sampleWeights })).rejects.toMatchObject({
      code: 'RK_TRAIN_INPUT',
    });
  });
});

describe('a fit', () => {
  it.each(engines)('whose signal is aborted ends with its reason: %s', async (engine) => {
    const control = new AbortController();
    const reason = new Error('cancelled');
    const spec = validateSpec({ epochs: 10_000 }, context);
    const fit = train({
      spec,
      ...problem(),
      engine,
      backend: 'cpu',
      signal: control.signal,
      onEpoch: (epoch) => {
        if (epoch === 3) control.abort(reason);
      },
    });
    await expect(fit).rejects.toBe(reason);
    await expect(train({ spec, ...problem(), signal: control.signal })).rejects.toBe(reason);
  });

  it.each(engines)('of labels, each by itself, learns them: %s', async (engine) => {
    const rows = 150;
    const random = randomStream(2, 2);
    const features = Float32Array.from({ length: rows * 2 }, () => random() * 4 - 2);
    const targets = Float32Array.from({ length: rows * 3 }, (_, i) => {
      const [a, b] = features.subarray(Math.floor(i / 3) * 2);
      return Number([a! > 0, b! > 0, a! + b! > 0][i % 3]);
    });
    const task = { task: 'multilabel', inputs: 2, outputs: 3 } as const;
    const spec = validateSpec({ optimizer: { type: 'adam', learningRate: 0.02 }, epochs: 60 }, task);
    const { model, metricName, history } = await train({
      spec,
      features,
      targets,
      rows,
      width: 2,
      engine,
      backend: 'cpu',
    });
    expect(metricName).toBe('accuracy');
    expect(history.metric.at(-1)).toBeGreaterThan(0.95);
    const predictor = await loadPredictor(model);
    const answers = predictor.predict(features, rows);
    const right = answers.filter((answer, i) => answer > 0.5 === targets[i]! > 0.5).length;
    expect(right / answers.length).toBeGreaterThan(0.95);
    predictor.dispose();
    const bad = train({ spec, features, targets: targets.with(4, 0.5), rows, width: 2 });
    await expect(bad).rejects.toMatchObject({
      code: 'RK_TRAIN_INPUT',
      message: expect.stringMatching(/row 1 .*neither 0 nor 1/),
    });
  });

  it('refuses a code that its embedding has no row for', async () => {
    const spec = validateSpec({ embeddings: [{ columns: 2, vocabulary: 3, dimension: 2 }] }, context);
    const data = problem(20);
    for (let row = 0; row < 20; row += 1) data.features[row * 4 + 2] = row % 3;
    await train({ spec: { ...spec, epochs: 1 }, ...data });
    data.features[4 * 4 + 2] = 3;
    await expect(train({ spec, ...data })).rejects.toMatchObject({
      code: 'RK_TRAIN_INPUT',
      details: { row: '4', column: '2' },
    });
  });

  it.each(engines)(
    'that diverges with everything in it ends at once and names the epoch: %s',
    async (engine) => {
      const given = {
        layers: [
          { units: 8, activation: 'linear', l2: 0.1 },
          { type: 'residual', layers: [{ units: 8, activation: 'linear' }] },
          {},
        ],
        optimizer: { learningRate: 99, momentum: 0.99 },
        validationSplit: 0.2,
        epochs: 500,
      };
      await expect(
        train({ spec: validateSpec(given, context), ...problem(), engine, backend: 'cpu' }),
      ).rejects.toMatchObject({
        code: 'RK_TRAIN_DIVERGED',
        details: { epoch: expect.stringMatching(/^\d+$/) },
        hint: expect.stringContaining('clipNorm'),
      });
    },
  );
});
