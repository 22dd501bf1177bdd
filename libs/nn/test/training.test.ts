import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  countParameters,
  defaultSpec,
  loadPredictor,
  tensorMemory,
  train,
  useBackend,
  validateSpec,
  warmUp,
} from '@rookery/nn';
import type { BackendName, ModelSpec, TrainJob } from '@rookery/nn';
import { bundleProgram } from './support/bundled-program.js';
import type { BundledProgram } from './support/bundled-program.js';

/** Three classes by two of four features: learnable, and the same in every process. */
function problem(rows = 150): Pick<TrainJob, 'features' | 'rows' | 'width' | 'targets'> {
  const width = 4;
  const features = Float32Array.from({ length: rows * width }, (_, i) =>
    Math.fround(Math.sin(i * 12.9898) * 2),
  );
  const targets = Int32Array.from({ length: rows }, (_, row) => {
    const [a, b] = features.subarray(row * width);
    return a! > 0.5 ? 0 : b! > 0 ? 1 : 2;
  });
  return { features, rows, width, targets };
}

const spec = (change: Partial<ModelSpec> = {}): ModelSpec => ({
  ...defaultSpec('classification', 4, 3),
  ...change,
});

const withEverything: ModelSpec = validateSpec(
  {
    layers: [
      { units: 60, activation: 'tanh' },
      { type: 'batch_norm' },
      { units: 7, activation: 'sigmoid' },
      { type: 'dropout', rate: 0.2 },
      { units: 9 },
      {},
    ],
    epochs: 5,
  },
  { task: 'classification', inputs: 4, outputs: 3 },
);

describe('determinism', () => {
  it.each(['cpu', 'wasm'] as const)(
    'equal seeds give equal weights to the bit on %s, other seeds do not',
    async (backend) => {
      const job = { spec: { ...withEverything }, ...problem(), backend };
      const first = await train({ ...job, seed: 5 });
      const second = await train({ ...job, seed: 5 });
      const other = await train({ ...job, seed: 6 });
      expect(second.model).toEqual(first.model);
      expect(second.history).toEqual(first.history);
      expect(other.model.weights).not.toEqual(first.model.weights);
    },
  );

  it.each(['sgd', 'momentum', 'rmsprop', 'adam'])(
    'the compiled engine gives the bits of the kernels on cpu: %s',
    async (optimizer) => {
      const context = { task: 'classification', inputs: 4, outputs: 3 } as const;
      const job = {
        spec: validateSpec({ ...withEverything, optimizer, batchSize: 64 }, context),
        ...problem(),
        seed: 3,
      };
      const compiled = await train({ ...job, backend: 'cpu', engine: 'compiled' });
      const kernels = await train({ ...job, backend: 'cpu', engine: 'tfjs' });
      expect(compiled.engine).toBe('compiled');
      expect(kernels.engine).toBe('tfjs');
      expect(kernels.model.weights).toEqual(compiled.model.weights);
      expect(kernels.history).toEqual(compiled.history);
    },
  );

  it('the backends agree within rounding', async () => {
    const job = { spec: spec(), ...problem(), seed: 3 };
    const { history: cpu } = await train({ ...job, backend: 'cpu' });
    const { history: wasm } = await train({ ...job, backend: 'wasm' });
    cpu.loss.forEach((loss, epoch) => expect(wasm.loss[epoch]).toBeCloseTo(loss, 4));
  });

  describe('bundled, in processes of its own', () => {
    let program: BundledProgram;
    const entry = `
      import { train, defaultSpec, resolveBackend } from '@rookery/nn';
      import { createHash } from 'node:crypto';
      const backend = process.argv[2];
      const features = Float32Array.from({ length: 150 * 4 }, (_, i) => Math.fround(Math.sin(i * 12.9898) * 2));
      const targets = Int32Array.from({ length: 150 }, (_, row) => (features[row * 4] > 0.5 ? 0 : features[row * 4 + 1] > 0 ? 1 : 2));
      const { model } = await train({ spec: defaultSpec('classification', 4, 3), features, targets, rows: 150, width: 4, seed: 11, backend });
      console.log(createHash('sha256').update(model.weights).digest('hex'), (await resolveBackend('auto')).backend);`;

    beforeAll(async () => {
      program = await bundleProgram(entry);
    });
    afterAll(() => program?.remove());

    it.each(['cpu', 'wasm'])(
      'two processes fit the same bits on %s, and print nothing else',
      async (backend) => {
        const outputs = await Promise.all([1, 2].map(() => program.run([backend])));
        expect(outputs[0]!.stdout).toMatch(/^[0-9a-f]{64} (cpu|node|gpu)\n$/);
        expect(outputs[1]!.stdout).toBe(outputs[0]!.stdout);
        expect(outputs[0]!.stderr).toBe('');
      },
    );
  });
});

describe('a fit', () => {
  it('learns: the loss falls and the training accuracy is that of the model', async () => {
    const data = problem(300);
    const fit = {
      epochs: 60,
      optimizer: { type: 'adam', learningRate: 0.02, beta1: 0.9, beta2: 0.999, epsilon: 1e-7 },
    } as const;
    const { model, history, metricName } = await train({ spec: spec(fit), ...data });
    expect(metricName).toBe('accuracy');
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0]! / 3);
    const predictor = await loadPredictor(model);
    const probabilities = predictor.predict(data.features, data.rows);
    let correct = 0;
    for (let row = 0; row < data.rows; row += 1) {
      const answer = Array.from(probabilities.subarray(row * 3, row * 3 + 3));
      expect(answer.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
      if (answer.indexOf(Math.max(...answer)) === data.targets[row]) correct += 1;
    }
    expect(correct / data.rows).toBeGreaterThan(0.93);
    expect(Math.abs(correct / data.rows - history.metric.at(-1)!)).toBeLessThan(0.05);
    predictor.dispose();
  });

  it('of a regression passes and answers in the unit of the target, however far from 0 and 1 it is', async () => {
    const rows = 200;
    const features = Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 12.9898) * 1.5);
    const targets = Float32Array.from(
      { length: rows },
      (_, row) => 5000 + 800 * features[row * 2]! - 300 * features[row * 2 + 1]!,
    );
    const result = await train({ spec: defaultSpec('regression', 2, 1), features, targets, rows, width: 2 });
    expect(result.metricName).toBe('rmse');
    const predictor = await loadPredictor(result.model);
    const answers = predictor.predict(features, rows);
    const rmse = Math.sqrt(
      answers.reduce((sum, answer, row) => sum + (answer - targets[row]!) ** 2, 0) / rows,
    );
    expect(rmse).toBeLessThan(80);
    expect(result.history.metric.at(-1)! / rmse).toBeGreaterThan(0.7);
    expect(result.history.metric.at(-1)! / rmse).toBeLessThan(1.5);
    predictor.dispose();
  });

  it('that starts from fitted weights goes on where those stopped', async () => {
    const rows = 100;
    const features = Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 12.9898));
    const targets = Float32Array.from({ length: rows }, (_, row) => 50 + 9 * features[row * 2]!);
    const job = { spec: defaultSpec('regression', 2, 1), features, targets, rows, width: 2 };
    const first = await train(job);
    const second = await train({ ...job, initialWeights: first.model.weights });
    expect(second.history.loss[0]! / first.history.loss.at(-1)!).toBeLessThan(1.1);
    await expect(train({ ...job, initialWeights: first.model.weights.slice(4) })).rejects.toMatchObject({
      code: 'RK_MODEL_CORRUPT',
    });
  });

  it('reports every epoch in order and lets other work run between epochs', async () => {
    const epochs: number[] = [];
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const { history, epochsRun, stopped } = await train({
      spec: spec({ epochs: 20 }),
      ...problem(),
      onEpoch: (epoch, { loss, metric }) => {
        epochs.push(epoch);
        expect(Number.isFinite(loss) && metric >= 0 && metric <= 1).toBe(true);
      },
    });
    counting = false;
    expect(epochs).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(history.loss).toHaveLength(20);
    expect({ epochsRun, stopped }).toEqual({ epochsRun: 20, stopped: false });
    expect(turns).toBeGreaterThanOrEqual(19);
  });

  it('that is told to stop gives what is fitted so far', async () => {
    let reached = 0;
    const { epochsRun, stopped, history, model } = await train({
      spec: spec({ epochs: 1000 }),
      ...problem(),
      engine: 'compiled',
      onEpoch: (epoch) => void (reached = epoch),
      shouldStop: () => reached === 3,
    });
    expect({ epochsRun, stopped, epochs: history.loss.length }).toEqual({
      epochsRun: 3,
      stopped: true,
      epochs: 3,
    });
    const alone = await train({ spec: spec({ epochs: 3 }), ...problem(), engine: 'compiled' });
    expect(model.weights).toEqual(alone.model.weights);
  });

  it.each(['compiled', 'tfjs'] as const)(
    'leaves no tensor behind, finished, stopped or diverged: %s',
    async (engine) => {
      await useBackend('cpu');
      const before = tensorMemory();
      const job = { spec: withEverything, ...problem(), backend: 'cpu' as BackendName, engine };
      await train(job);
      await train({ ...job, shouldStop: () => true });
      const wild = { ...withEverything, optimizer: { type: 'sgd', learningRate: 1e30 } } as const;
      await expect(train({ ...job, spec: wild })).rejects.toMatchObject({ code: 'RK_TRAIN_DIVERGED' });
      expect(tensorMemory()).toEqual(before);
    },
  );

  it('that diverges ends at once and names the epoch', async () => {
    const features = Float32Array.from({ length: 200 }, (_, i) => 1000 * Math.sin(i));
    const targets = Float32Array.from({ length: 100 }, (_, i) => Math.cos(i));
    let epochs = 0;
    const wild = {
      ...defaultSpec('regression', 2, 1),
      optimizer: { type: 'sgd', learningRate: 10 },
    } as const;
    const fit = train({
      spec: wild,
      features,
      targets,
      rows: 100,
      width: 2,
      onEpoch: () => void (epochs += 1),
    });
    await expect(fit).rejects.toMatchObject({
      code: 'RK_TRAIN_DIVERGED',
      details: { epoch: '1' },
      hint: expect.stringContaining('learning rate'),
    });
    expect(epochs).toBe(0);
  });

  it.each([
    ['a feature that is not a number', { features: problem().features.with(5, NaN) }, /row 1, column 1/],
    ['an infinite feature', { features: problem().features.with(0, Infinity) }, /row 0, column 0/],
    ['a label outside the classes', { targets: (problem().targets as Int32Array).with(7, 3) }, /row 7 is 3/],
    ['a missing label', { targets: (problem().targets as Int32Array).with(7, -1) }, /row 7 is -1/],
    ['a width that does not fit', { width: 5 }, /750/],
    ['too few targets', { targets: new Int32Array(3) }, /150 targets/],
    ['another number of classes', { classes: 4 }, /3 outputs for 4 classes/],
    ['no row', { rows: 0, features: new Float32Array(0) }, /at least one row/],
  ])('refuses %s before it starts', async (_title, change, message) => {
    const fit = train({ spec: spec(), ...problem(), ...change });
    await expect(fit).rejects.toMatchObject({
      code: 'RK_TRAIN_INPUT',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a regression target that is not finite', async () => {
    const job = { spec: defaultSpec('regression', 2, 1), features: new Float32Array(4), rows: 2, width: 2 };
    await expect(train({ ...job, targets: Float32Array.of(1, NaN) })).rejects.toMatchObject({
      code: 'RK_TRAIN_INPUT',
    });
  });

  it('is the size that countParameters says', async () => {
    const { model } = await train({ spec: withEverything, ...problem() });
    // The moving mean and variance of the batch norm are not fitted, but saved.
    expect(model.weights.length / 4).toBe(countParameters(withEverything, 4) + 2 * 60);
  });

  it('after a warm-up gives the same bits, and the warm-up holds nothing', async () => {
    const before = await train({ spec: spec(), ...problem() });
    const tensors = tensorMemory().tensors;
    await warmUp('cpu');
    expect(tensorMemory().tensors).toBe(tensors);
    expect((await train({ spec: spec(), ...problem() })).model.weights).toEqual(before.model.weights);
  });
});
