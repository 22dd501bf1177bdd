import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  defaultSpec,
  engineVersion,
  loadPredictor,
  releaseOnnxSessions,
  tensorMemory,
  train,
  validateSpec,
} from '@rookery/nn';
import { onnxEpochs } from '../src/onnx/onnx-epochs.js';
import { initialParameters, planNetwork } from '../src/network-plan.js';
import { randomStream } from '../src/random.js';
import type { ModelSpec, TrainJob } from '@rookery/nn';
import { bundleProgram } from './support/bundled-program.js';
import type { BundledProgram } from './support/bundled-program.js';

afterAll(() => releaseOnnxSessions());

/** Three classes by two of four features. */
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

const context = { task: 'classification', inputs: 4, outputs: 3 } as const;
const optimizers = ['sgd', 'momentum', 'rmsprop', 'adam', 'adamw'] as const;
const everyLayer = [
  { units: 12, activation: 'tanh' },
  { type: 'dropout', rate: 0.3 },
  { units: 10, activation: 'sigmoid' },
  { units: 9, activation: 'linear' },
  { units: 8 },
  { type: 'dropout', rate: 0.1 },
  {},
];
const floats = (weights: Uint8Array): Float32Array => new Float32Array(weights.slice().buffer);

/** Largest difference, relative to numbers above 1. */
function gap(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(actual.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i += 1)
    most = Math.max(most, Math.abs(actual[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!)));
  return most;
}

describe('a fit', () => {
  it.each(optimizers)(
    'agrees with the compiled engine and TensorFlow.js over the first steps, dropout and a short batch included: %s',
    async (optimizer) => {
      const spec = validateSpec({ layers: everyLayer, optimizer, epochs: 2 }, context);
      const job = { spec, ...problem(), seed: 3, backend: 'cpu' } as const;
      const onnx = await train({ ...job, engine: 'onnx' });
      expect(onnx).toMatchObject({ engine: 'onnx', backend: 'cpu', epochsRun: 2, stopped: false });
      for (const engine of ['compiled', 'tfjs'] as const) {
        const other = await train({ ...job, engine });
        expect(gap(floats(onnx.model.weights), floats(other.model.weights))).toBeLessThan(2e-5);
        expect(gap(onnx.history.loss, other.history.loss)).toBeLessThan(1e-5);
        expect(onnx.history.metric).toEqual(other.history.metric);
        expect(onnx.model.topology).toBe(other.model.topology);
      }
    },
  );

  it.each(optimizers)("of a regression agrees too, in the target's unit: %s", async (optimizer) => {
    const rows = 70;
    const features = Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i * 12.9898) * 1.5);
    const targets = Float32Array.from(
      { length: rows * 2 },
      (_, i) => 5000 + 800 * features[i]! * (1 + (i % 2)),
    );
    const spec = validateSpec({ optimizer, epochs: 3 }, { task: 'regression', inputs: 2, outputs: 2 });
    const job = { spec, features, targets, rows, width: 2, backend: 'cpu' } as const;
    const onnx = await train({ ...job, engine: 'onnx' });
    const compiled = await train({ ...job, engine: 'compiled' });
    expect(onnx.metricName).toBe('rmse');
    expect(gap(floats(onnx.model.weights), floats(compiled.model.weights))).toBeLessThan(2e-5);
    expect(gap(onnx.history.loss, compiled.history.loss)).toBeLessThan(1e-5);
    expect(gap(onnx.history.metric, compiled.history.metric)).toBeLessThan(1e-5);
  });

  it.each([1, 31, 32, 33])('of %i rows in batches of 32 agrees', async (rows) => {
    const job = { spec: { ...defaultSpec('classification', 4, 3), epochs: 4 }, ...problem(rows) };
    const onnx = await train({ ...job, engine: 'onnx' });
    const compiled = await train({ ...job, engine: 'compiled', backend: 'cpu' });
    expect(gap(floats(onnx.model.weights), floats(compiled.model.weights))).toBeLessThan(1e-5);
    expect(onnx.history.metric).toEqual(compiled.history.metric);
  });

  it('learns, and its model is served like any other', async () => {
    const data = problem(300);
    const optimizer = { type: 'adam', learningRate: 0.02 };
    const spec = validateSpec({ layers: [{ units: 10 }, { units: 8 }, {}], optimizer, epochs: 60 }, context);
    const { model, history } = await train({ spec, ...data, engine: 'onnx' });
    expect(history.loss.at(-1)).toBeLessThan(history.loss[0]! / 3);
    const predictor = await loadPredictor(model);
    const probabilities = predictor.predict(data.features, data.rows);
    let correct = 0;
    for (let row = 0; row < data.rows; row += 1) {
      const answer = Array.from(probabilities.subarray(row * 3, row * 3 + 3));
      if (answer.indexOf(Math.max(...answer)) === data.targets[row]) correct += 1;
    }
    expect(correct / data.rows).toBeGreaterThan(0.93);
    predictor.dispose();
  });

  it('goes on from fitted weights', async () => {
    const job = { spec: { ...defaultSpec('classification', 4, 3), epochs: 5 }, ...problem() };
    const first = await train({ ...job, engine: 'onnx' });
    const onnx = await train({ ...job, engine: 'onnx', initialWeights: first.model.weights });
    const compiled = await train({ ...job, engine: 'compiled', initialWeights: first.model.weights });
    expect(gap(floats(onnx.model.weights), floats(compiled.model.weights))).toBeLessThan(1e-5);
  });

  it('reports every epoch in order, and lets other work run between runs', async () => {
    const epochs: number[] = [];
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns += 1;
      if (counting) setImmediate(count);
    };
    setImmediate(count);
    const spec = { ...defaultSpec('classification', 4, 3), epochs: 45 };
    const { history } = await train({
      spec,
      ...problem(),
      engine: 'onnx',
      onEpoch: (epoch, { loss, metric }) => {
        epochs.push(epoch);
        expect(loss).toBeGreaterThan(0);
        expect(metric).toBeLessThanOrEqual(1);
      },
    });
    counting = false;
    expect(epochs).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
    expect(history.loss).toHaveLength(45);
    expect(turns).toBeGreaterThanOrEqual(44);
  });

  it('that is told to stop gives what is fitted so far, soon after', async () => {
    let reached = 0;
    const job = { ...problem(), engine: 'onnx' } as const;
    const spec = { ...defaultSpec('classification', 4, 3), epochs: 1000 };
    const { epochsRun, stopped, history, model } = await train({
      spec,
      ...job,
      onEpoch: (epoch) => void (reached = epoch),
      shouldStop: () => reached >= 3,
    });
    expect(stopped).toBe(true);
    expect(epochsRun).toBeGreaterThanOrEqual(3);
    expect(epochsRun).toBeLessThan(200);
    expect(history.loss).toHaveLength(epochsRun);
    const alone = await train({ spec: { ...spec, epochs: epochsRun }, ...job });
    expect(model.weights).toEqual(alone.model.weights);
    const never = await train({ spec, ...job, shouldStop: () => true });
    expect(never).toMatchObject({ epochsRun: 0, stopped: true });
  });

  it('that diverges ends at once and names the epoch and the batch of the compiled engine', async () => {
    const features = Float32Array.from({ length: 200 }, (_, i) => 1000 * Math.sin(i));
    const targets = Float32Array.from({ length: 100 }, (_, i) => Math.cos(i));
    const spec = {
      ...defaultSpec('regression', 2, 1),
      optimizer: { type: 'sgd', learningRate: 10 },
    } as const;
    const job = { spec, features, targets, rows: 100, width: 2 };
    const failures = await Promise.all(
      (['onnx', 'compiled'] as const).map((engine) => train({ ...job, engine }).catch((e: unknown) => e)),
    );
    expect(failures[0]).toMatchObject({ code: 'RK_TRAIN_DIVERGED', details: { epoch: '1' } });
    expect(failures[0]).toMatchObject({ message: (failures[1] as Error).message });
  });

  it('leaves no tensor behind', async () => {
    const before = tensorMemory();
    await train({ spec: defaultSpec('classification', 4, 3), ...problem(), engine: 'onnx' });
    await releaseOnnxSessions();
    expect(tensorMemory()).toEqual(before);
  });
});

describe('the choice of the engine', () => {
  it("'auto' takes compiled for a tiny fit and onnx for what is larger, batch norm included", async () => {
    const wide = (layers: object[]): ModelSpec =>
      validateSpec({ layers: [{ units: 300 }, { units: 300 }, ...layers], epochs: 1 }, context);
    const data = problem(64);
    const tiny = validateSpec({ layers: [{ units: 2 }, {}], epochs: 1 }, context);
    const small = await train({ spec: tiny, ...data, backend: 'cpu' });
    const large = await train({ spec: wide([{}]), ...data, backend: 'cpu' });
    const normed = await train({ spec: wide([{ type: 'batch_norm' }, {}]), ...data, backend: 'cpu' });
    expect([small.engine, large.engine, normed.engine]).toEqual(['compiled', 'onnx', 'onnx']);
    expect(small.engineReason).toMatch(/few for onnx/);
  });

  it('is recorded with the versions of graph and runtime', async () => {
    await train({ spec: defaultSpec('classification', 4, 3), ...problem(), engine: 'onnx' });
    expect(engineVersion('onnx')).toMatch(/^rookery-onnx \d+, onnxruntime \d+\.\d+\.\d+$/);
  });
});

describe('bits', () => {
  const job = {
    spec: validateSpec({ layers: everyLayer, optimizer: 'adam', epochs: 6, batchSize: 64 }, context),
    ...problem(),
    engine: 'onnx',
    seed: 5,
  } as const;

  it('are equal from fit to fit, in a fresh session and in one that was used', async () => {
    const first = await train(job);
    const again = await train(job);
    await releaseOnnxSessions();
    const fresh = await train(job);
    const other = await train({ ...job, seed: 6 });
    expect(again.model).toEqual(first.model);
    expect(fresh.model).toEqual(first.model);
    expect(fresh.history).toEqual(first.history);
    expect(other.model.weights).not.toEqual(first.model.weights);
  });

  it('are those of fits side by side in one thread', async () => {
    const [alone, ...together] = [await train(job), ...(await Promise.all([train(job), train(job)]))];
    for (const one of together) expect(one.model).toEqual(alone.model);
  });

  it('do not depend on how epochs are put together in runs', async () => {
    const { features, rows, targets } = problem();
    const plan = planNetwork(job.spec.layers, 4);
    const orders = [1, 2, 3, 4].map((k) => Int32Array.from({ length: rows }, (_, i) => (i * 7 + k) % rows));
    const fit = async (groups: Int32Array[][]): Promise<Float32Array[]> => {
      const setup = {
        plan,
        loss: job.spec.loss,
        optimizer: job.spec.optimizer,
        initial: initialParameters(plan, randomStream(1, 0)),
        variances: new Float64Array(3).fill(1),
        random: randomStream(1, 2),
        rateOf: () => 0.001,
      };
      const engine = await onnxEpochs(setup, { features, targets, rows, batchSize: 64 }, () => false);
      for (const group of groups) expect((await engine.epochs(group)).sums).toHaveLength(group.length);
      const parameters = engine.parameters();
      await engine.dispose();
      return parameters;
    };
    expect(await fit([orders])).toEqual(await fit(orders.map((order) => [order])));
  });

  describe('bundled, in processes of its own', () => {
    let program: BundledProgram;
    const entry = `
      import { createHash } from 'node:crypto';
      import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
      import { train, validateSpec } from '@rookery/nn';
      const rows = 2000;
      const features = Float32Array.from({ length: rows * 4 }, (_, i) => Math.fround(Math.sin(i * 12.9898) * 2));
      const targets = Int32Array.from({ length: rows }, (_, row) => (features[row * 4] > 0.5 ? 0 : features[row * 4 + 1] > 0 ? 1 : 2));
      const context = { task: 'classification', inputs: 4, outputs: 3 };
      const job = (epochs) => ({ spec: validateSpec({ layers: [{ units: 64 }, { units: 32 }, {}], epochs }, context), features, targets, rows, width: 4, seed: 11, engine: 'onnx' });
      if (!isMainThread) {
        const flag = new Int32Array(workerData);
        const { stopped } = await train({ ...job(100_000), onEpoch: (epoch) => epoch === 1 && parentPort.postMessage('running'), shouldStop: () => Atomics.load(flag, 0) !== 0 });
        parentPort.postMessage(stopped ? 'stopped' : 'ended');
      } else if (process.argv[2] === 'stop') {
        const flag = new SharedArrayBuffer(4);
        const worker = new Worker(new URL(import.meta.url), { workerData: flag });
        worker.on('message', (message) => {
          console.log(message);
          if (message === 'running') Atomics.store(new Int32Array(flag), 0, 1);
          else void worker.terminate().then(() => process.exit(7));
        });
      } else {
        const { model } = await train(job(3));
        console.log(createHash('sha256').update(model.weights).digest('hex'));
      }`;

    beforeAll(async () => {
      program = await bundleProgram(entry);
    });
    afterAll(() => program?.remove());

    it('two processes fit the same bits, and print nothing else', async () => {
      const outputs = await Promise.all([1, 2].map(() => program.run()));
      expect(outputs[0]!.stdout).toMatch(/^[0-9a-f]{64}\n$/);
      expect(outputs[1]!.stdout).toBe(outputs[0]!.stdout);
      expect(outputs[0]!.stderr).toBe('');
    });

    it('a thread whose fit was stopped by its flag can be ended, and the process lives', async () => {
      const ended = program.run(['stop']);
      await expect(ended).rejects.toMatchObject({ code: 7, stdout: 'running\nstopped\n', stderr: '' });
    });
  });
});
