import { BroadcastChannel } from 'node:worker_threads';
import type { ArtifactStore } from '@rookery/artifacts';
import { connectBus } from '@rookery/bus';
import type { Bus, BusEvent, Consumption } from '@rookery/bus';
import { collect, startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { artifactTypes, events, jobKeyOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { RunCancelled } from '@rookery/proto/rookery/events/v1/run';
import type {
  FoldJob,
  FoldProgress,
  FoldReproduced,
  FoldTrained,
} from '@rookery/proto/rookery/events/v1/run';
import { loadPredictor, train, trainedModelFromProto } from '@rookery/nn';
import { noPlugins } from '@rookery/plugin';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { OpenPool, PoolOptions } from '../src/adapters/training-pool.js';
import { TrainingThread } from '../src/adapters/training-thread.js';
import type { ThreadJob } from '../src/adapters/training-thread.js';
import { followCancelledRuns } from '../src/application/cancelled-runs.js';
import { trainFold } from '../src/application/train-fold.js';
import { buildWorker, foldJob, killChannel, nnJob, openFolder, openTestPool, quiet } from './fixtures.js';
import type { BuiltWorker } from './fixtures.js';

let built: BuiltWorker;
let server: NatsServer;
let bus: Bus;
let folder: Awaited<ReturnType<typeof openFolder>>;
let artifacts: ArtifactStore;
const kill = new BroadcastChannel(killChannel);
const closing: (() => Promise<unknown>)[] = [];
let serial = 0;

beforeAll(async () => {
  [built, server, folder] = await Promise.all([buildWorker(), startNatsServer(), openFolder()]);
  artifacts = folder.artifacts;
  bus = await connectBus({ url: server.url, name: 'trainer' });
  await bus.ensureTopology();
}, 120_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  kill.close();
  await bus.close();
  await Promise.all([server.stop(), folder.close(), built.remove()]);
});

const openPool = (options: Partial<PoolOptions> = {}): Promise<OpenPool> =>
  openTestPool(built, closing, { workers: 1, ...options });

/** A run id that no other test has. */
function newRun(): string {
  serial += 1;
  return `run-${serial.toString(16).padStart(16, '0')}`;
}

interface Trainer {
  readonly consumption: Consumption;
  /** Deliveries of each job, by its key. */
  readonly deliveries: Map<string, number>;
}

/** The trainer as main.ts composes it, for the jobs of one test. */
async function startTrainer(pool: OpenPool, maxDeliver = 3): Promise<Trainer> {
  const deliveries = new Map<string, number>();
  const cancelled = await followCancelledRuns(bus, quiet);
  closing.push(() => cancelled.stop());
  const handle = trainFold({ bus, artifacts, pool, plugins: noPlugins(), cancelled, codeVersion: '1.2.3' });
  const consumption = await bus.consume(events.foldJob, {
    durable: `trainer-${serial}`,
    from: 'new',
    concurrency: pool.size,
    maxDeliver,
    retryDelay: () => 1,
    handler: async (event, context) => {
      deliveries.set(event.key, (deliveries.get(event.key) ?? 0) + 1);
      await handle(event, context);
    },
  });
  closing.push(() => consumption.stop(0));
  return { consumption, deliveries };
}

async function publish(job: FoldJob, id = ''): Promise<void> {
  const key = jobKeyOf(job.runId, job.fold, job.final);
  await bus.publish(events.foldJob, key, job, { id: `job-${key}${id}` });
}

/** ml.fold.trained of a run that are there now. */
async function collectTrained(runId: string): Promise<FoldTrained[]> {
  const found: FoldTrained[] = [];
  const replay = await bus.replay(events.foldTrained, {
    key: runId,
    onEvent: ({ data }) => void found.push(data),
  });
  await replay.done;
  return found;
}

/** ml.fold.trained of a run, as soon as `count` are there. */
function trainedOf(runId: string, count = 1): Promise<FoldTrained[]> {
  return eventsOf(events.foldTrained, runId, count);
}

/** Events of a run, as soon as `count` are there. */
async function eventsOf<T>(event: EventType<T>, runId: string, count: number): Promise<T[]> {
  const found: T[] = [];
  let enough = (): void => undefined;
  const all = new Promise<void>((resolve) => (enough = resolve));
  const replay = await bus.replay(event, {
    key: runId,
    untilCaughtUp: false,
    onEvent: ({ data }) => {
      found.push(data);
      if (found.length >= count) enough();
    },
  });
  await all;
  await replay.stop();
  return found;
}

async function letterOf(key: string): Promise<BusEvent<{ code: string; attempts: number; message: string }>> {
  for (let seen = 1; ; seen += 1) {
    const letters = await collect(bus, events.deadLetter, seen);
    const letter = letters.find(({ data }) => data.subject.endsWith(key));
    if (letter) return letter;
  }
}

/** A job as the pool takes it. */
async function threadJob(
  spec: object = {},
  task: 'multiclass' | 'regression' = 'multiclass',
): Promise<ThreadJob> {
  const job = await foldJob(artifacts, { runId: newRun(), task, spec });
  const bytes = await artifacts.get(job.dataset?.sha256 ?? '');
  const dataset = new SharedArrayBuffer(bytes.length);
  new Uint8Array(dataset).set(bytes);
  return {
    datasetSha256: job.dataset?.sha256 ?? '',
    dataset,
    bundle: await artifacts.get(job.bundle?.sha256 ?? ''),
    spec: job.modelSpec as unknown as ThreadJob['spec'],
    seed: job.seed,
    onEpoch: () => undefined,
  };
}

const endless = { epochs: 100_000 };
const never = new AbortController().signal;

describe('a job', () => {
  test('trains, tells each listener of its progress to the last epoch, and announces a network that predicts', async () => {
    await startTrainer(await openPool());
    const runId = newRun();
    const progress: FoldProgress[] = [];
    const stop = bus.subscribeProgress(runId, (seen) => void progress.push(seen));
    await bus.nc.flush();
    await publish(await foldJob(artifacts, { runId, spec: { epochs: 20 } }));
    const [trained] = await trainedOf(runId);
    await bus.nc.flush();
    expect(progress.at(-1)).toMatchObject({ runId, fold: 0, epoch: 20, epochs: 20, metricName: 'accuracy' });
    await stop();
    expect(trained).toMatchObject({ runId, fold: 0, final: false, epochsRun: 20 });
    expect(trained?.environment).toMatchObject({ backend: 'cpu', engine: 'onnx', codeVersion: '1.2.3' });
    expect(trained?.environment?.worker).toMatch(/^.+\/\d+\/\d+$/);
    expect(trained?.history?.loss).toHaveLength(20);
    expect(trained?.history?.loss.at(-1)).toBeLessThan(trained?.history?.loss[0] ?? 0);
    const model = TrainedModel.decode(await artifacts.get(trained?.trained?.sha256 ?? ''));
    const predictor = await loadPredictor(trainedModelFromProto(model));
    const outputs = predictor.predict(new Float32Array(model.inputs), 1);
    predictor.dispose();
    expect(outputs.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 5);
  });

  test('gives the same artifact each time, on whichever thread', async () => {
    await startTrainer(await openPool({ workers: 2 }));
    const [first, second] = [newRun(), newRun()];
    await publish(await foldJob(artifacts, { runId: first }));
    await publish(await foldJob(artifacts, { runId: second }));
    const [[one], [two]] = await Promise.all([trainedOf(first), trainedOf(second)]);
    expect(two?.trained?.sha256).toBe(one?.trained?.sha256);
    expect(two?.history).toEqual(one?.history);
  });

  test('done twice is one ml.fold.trained', async () => {
    const { deliveries } = await startTrainer(await openPool());
    const runId = newRun();
    const job = await foldJob(artifacts, { runId });
    await publish(job);
    await publish(job, '-again');
    const last = newRun();
    await publish(await foldJob(artifacts, { runId: last }));
    await trainedOf(last);
    expect(deliveries.get(`${runId}-f0`)).toBe(2);
    let count = 0;
    const replay = await bus.replay(events.foldTrained, { key: runId, onEvent: () => void (count += 1) });
    await replay.done;
    expect(count).toBe(1);
  });

  test.each([
    ['binary', 2, 'accuracy'],
    ['multilabel', 2, 'accuracy'],
    ['regression', 1, 'rmse'],
  ] as const)('of a %s task gives %d outputs, and reports its %s', async (task, outputs, metricName) => {
    await startTrainer(await openPool());
    const runId = newRun();
    await publish(await foldJob(artifacts, { runId, task }));
    const [trained] = await trainedOf(runId);
    const model = TrainedModel.decode(await artifacts.get(trained?.trained?.sha256 ?? ''));
    expect(model.outputs).toBe(outputs);
    expect(trained?.history?.metricName).toBe(metricName);
  });

  test('with early stopping announces what the rows held out said of each epoch, the best epoch and the last', async () => {
    await startTrainer(await openPool());
    const runId = newRun();
    const earlyStopping = {
      monitor: 'val_loss' as const,
      patience: 3,
      minDelta: 0,
      restoreBest: true,
      startFromEpoch: 0,
    };
    const optimizer = { type: 'sgd' as const, learningRate: 3 };
    const spec = { epochs: 400, validationSplit: 0.25, earlyStopping, optimizer };
    await publish(await foldJob(artifacts, { runId, spec }));
    const history = (await trainedOf(runId))[0]?.history;
    const { valLoss = [], valMetric = [], bestEpoch = 0, stoppedEpoch, epochsRun = 0 } = history ?? {};
    expect(epochsRun).toBeLessThan(400);
    expect([valLoss.length, valMetric.length, history?.loss.length]).toEqual([
      epochsRun,
      epochsRun,
      epochsRun,
    ]);
    expect(stoppedEpoch).toBe(epochsRun);
    expect(epochsRun - bestEpoch).toBe(3);
    expect(valLoss[bestEpoch - 1]).toBe(Math.min(...valLoss));
  });

  test('of a given model with layers that only TensorFlow.js has is trained by it, and served as any other', async () => {
    await startTrainer(await openPool());
    const [runId, wrong] = [newRun(), newRun()];
    const layer = (class_name: string, config: object): object => ({ class_name, config });
    const topologyOf = (size: number): Record<string, unknown> => ({
      class_name: 'Sequential',
      config: {
        layers: [
          layer('Reshape', { target_shape: [5, 1] }),
          layer('Conv1D', { filters: 4, kernel_size: [size], activation: 'relu' }),
          layer('LSTM', { units: 4 }),
          layer('Dense', { units: 3, activation: 'softmax' }),
        ],
      },
    });
    const spec = (size: number): object => ({ epochs: 4, layers: [], model: { topology: topologyOf(size) } });
    await publish(await foldJob(artifacts, { runId, spec: spec(3) }));
    await publish(await foldJob(artifacts, { runId: wrong, spec: spec(9) }));
    const [trained] = await trainedOf(runId);
    expect(trained?.environment).toMatchObject({ backend: 'cpu', engine: 'tfjs' });
    const model = TrainedModel.decode(await artifacts.get(trained?.trained?.sha256 ?? ''));
    const predictor = await loadPredictor(trainedModelFromProto(model), { asynchronous: true });
    const outputs = await predictor.predictAsync(new Float32Array(model.inputs), 1);
    predictor.dispose();
    expect(outputs.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 5);
    // Its shapes are seen when it is built: the run fails with what TensorFlow.js says of them.
    expect((await letterOf(`${wrong}-f0`)).data).toMatchObject({ code: 'RK_SPEC_INVALID', attempts: 1 });
  });

  test.each(['multiclass', 'multilabel', 'regression'] as const)(
    'of a %s task trains with the weight of each row',
    async (task) => {
      await startTrainer(await openPool());
      const weights = Float32Array.from({ length: 48 }, (_, row) => (row % 3) / 2);
      const trainedModel = async (given?: Float32Array): Promise<TrainedModel> => {
        const runId = newRun();
        await publish(await foldJob(artifacts, { runId, task, ...(given && { weights: given }) }));
        const [trained] = await trainedOf(runId);
        return TrainedModel.decode(await artifacts.get(trained?.trained?.sha256 ?? ''));
      };
      const plain = await trainedModel();
      const ones = await trainedModel(new Float32Array(48).fill(1));
      const weighted = await trainedModel(weights);
      expect(ones.weights.equals(plain.weights)).toBe(true);
      expect(weighted.weights.equals(plain.weights)).toBe(false);
      const own = await train(await nnJob(artifacts, { runId: newRun(), task, weights }));
      expect(weighted.weights.equals(Buffer.from(own.model.weights))).toBe(true);
    },
  );

  test('of a single row, whose class is the only one there, trains', async () => {
    await startTrainer(await openPool());
    const runId = newRun();
    await publish(await foldJob(artifacts, { runId, rows: [4] }));
    const [trained] = await trainedOf(runId);
    expect(trained?.history?.loss.every(Number.isFinite)).toBe(true);
  });
});

describe('a job that fails', () => {
  test.each([
    [
      'whose data set is gone',
      'RK_ARTIFACT_NOT_FOUND',
      { dataset: { sha256: 'e'.repeat(64), bytes: 1, mediaType: 'a/b' } },
    ],
    [
      'whose bundle is gone',
      'RK_ARTIFACT_NOT_FOUND',
      { bundle: { sha256: 'd'.repeat(64), bytes: 1, mediaType: 'a/b' } },
    ],
    ['without a bundle', 'RK_MESSAGE_MISSING_FIELD', { bundle: undefined }],
    ['with a broken specification', 'RK_SPEC_INVALID', { modelSpec: { epochs: 'many' } }],
  ])('%s is a dead letter at once, with code %s', async (_, code, fields) => {
    await startTrainer(await openPool());
    const runId = newRun();
    await publish({ ...(await foldJob(artifacts, { runId })), ...fields });
    expect((await letterOf(`${runId}-f0`)).data).toMatchObject({ code, attempts: 1 });
  });

  test('by diverging is a dead letter that says so: no NaN gets into an event', async () => {
    await startTrainer(await openPool());
    const runId = newRun();
    const spec = { optimizer: { type: 'sgd', learningRate: 99 } as const, targetScaling: 'none' as const };
    await publish(await foldJob(artifacts, { runId, task: 'regression', spec }));
    expect((await letterOf(`${runId}-f0`)).data).toMatchObject({
      code: 'RK_TRAIN_DIVERGED',
      attempts: 1,
      // The message alone becomes the reason of the run.
      message: expect.stringMatching(/diverged in epoch \d+, .*learning rate, 99 for sgd, is too large/),
    });
  });

  test('for damaged bytes leaves its thread able to train the next one', async () => {
    await startTrainer(await openPool());
    const [bad, worse, good] = [newRun(), newRun(), newRun()];
    const junk = await artifacts.put(Buffer.from('this is no Arrow stream'), artifactTypes.dataset);
    const noBundle = await artifacts.put(Buffer.from([0x0a, 0xff, 0xff]), artifactTypes.foldBundle);
    await publish({ ...(await foldJob(artifacts, { runId: bad })), dataset: junk });
    await publish({ ...(await foldJob(artifacts, { runId: worse })), bundle: noBundle });
    await publish(await foldJob(artifacts, { runId: good }));
    expect((await letterOf(`${bad}-f0`)).data.code).toBe('RK_TABULAR_ARROW_INVALID');
    expect((await letterOf(`${worse}-f0`)).data.code).toBe('RK_ARTIFACT_CORRUPT');
    expect(await trainedOf(good)).toHaveLength(1);
  });
});

describe('a run that is cancelled', () => {
  const cancel = (runId: string): Promise<unknown> =>
    bus.publish(events.runCancelled, runId, RunCancelled.fromPartial({ runId, actor: 'test' }), {
      id: `cancelled-${runId}`,
    });

  test('has its job stopped at work, its waiting ones passed over, and the same thread trains another run', async () => {
    const pool = await openPool();
    const { consumption, deliveries } = await startTrainer(pool);
    const [runId, next] = [newRun(), newRun()];
    const begun = new Promise<void>((resolve) => {
      const stop = bus.subscribeProgress(runId, () => resolve());
      closing.push(stop);
    });
    await bus.nc.flush();
    for (const fold of [0, 1]) await publish(await foldJob(artifacts, { runId, fold, spec: endless }));
    await publish(await foldJob(artifacts, { runId: next }));
    await begun;
    await cancel(runId);
    expect(await trainedOf(next)).toHaveLength(1);
    expect(deliveries.get(`${runId}-f1`)).toBe(1);
    await expect.poll(async () => (await consumption.lag()).ackPending).toBe(0);
    expect((await collectTrained(runId)).length).toBe(0);
    expect(deliveries.get(`${runId}-f0`)).toBe(1);
  });

  test('before its job comes is never trained', async () => {
    const { consumption } = await startTrainer(await openPool());
    const [runId, next] = [newRun(), newRun()];
    await cancel(runId);
    await publish(await foldJob(artifacts, { runId, spec: endless }));
    await publish(await foldJob(artifacts, { runId: next }));
    expect(await trainedOf(next)).toHaveLength(1);
    await expect.poll(async () => (await consumption.lag()).ackPending).toBe(0);
    expect(await collectTrained(runId)).toEqual([]);
  });
});

describe('a job of a reproduction', () => {
  /** Trains a job, then the same again as a part of a reproduction, with changes. */
  async function again(change: (job: FoldJob) => FoldJob): Promise<FoldReproduced> {
    await startTrainer(await openPool());
    const runId = newRun();
    const job = await foldJob(artifacts, { runId });
    await publish(job);
    const [trained] = await trainedOf(runId);
    const reproductionId = `rep-${runId.slice(4)}`;
    const { environment } = trained ?? {};
    const reproduction = { reproductionId, recorded: trained?.trained, environment };
    const key = jobKeyOf(reproductionId, 0, false);
    await bus.publish(events.foldJob, key, change({ ...job, reproduction }), { id: `job-${key}` });
    const [reproduced] = await eventsOf(events.foldReproduced, runId, 1);
    expect(await collectTrained(runId)).toHaveLength(1);
    if (!reproduced) throw new Error('nothing was reproduced');
    return reproduced;
  }

  test('is compared with what the run recorded: equal to the bit, and no fold of the run is announced', async () => {
    const reproduced = await again((job) => job);
    expect(reproduced).toMatchObject({ equal: true, code: '' });
    expect(reproduced.reproducedSha256).toBe(reproduced.recordedSha256);
    expect(reproduced.reproducedSha256).toMatch(/^[0-9a-f]{64}$/);
  });

  test('tells where the weights are others, with both hashes', async () => {
    const reproduced = await again((job) => ({ ...job, seed: job.seed + 1 }));
    expect(reproduced.equal).toBe(false);
    expect(reproduced.reproducedSha256).not.toBe(reproduced.recordedSha256);
  });

  test('whose recorded model is gone says so', async () => {
    const gone = { sha256: 'e'.repeat(64), bytes: 1, mediaType: 'a/b' };
    const reproduced = await again((job) => ({
      ...job,
      ...(job.reproduction ? { reproduction: { ...job.reproduction, recorded: gone } } : {}),
    }));
    expect(reproduced).toMatchObject({ equal: false, code: 'RK_ARTIFACT_NOT_FOUND', recordedSha256: '' });
  });

  test('is trained by the engine that the run recorded, or in its own way where that is not installed', async () => {
    let own = '';
    const by = (engine: string, backend: string) => (job: FoldJob) => {
      const { reproduction } = job;
      if (!reproduction?.environment) throw new Error('the run recorded no environment');
      own = reproduction.environment.engine;
      const environment = { ...reproduction.environment, engine, backend };
      return { ...job, reproduction: { ...reproduction, environment } };
    };
    expect((await again(by('tfjs', 'cpu'))).environment).toMatchObject({ engine: 'tfjs', backend: 'cpu' });
    const { environment } = await again(by('tfjs', 'gpu'));
    expect(environment).toMatchObject({ engine: own, backend: 'cpu' });
    expect(own).not.toBe('tfjs');
  });
});

describe('a thread that dies', () => {
  test('in the middle of a job has it trained again, to the same artifact', async () => {
    const pool = await openPool({ script: built.killable });
    const { deliveries } = await startTrainer(pool);
    const runId = newRun();
    const calm = newRun();
    const spec = { epochs: 3_000 };
    let killed = false;
    const stop = bus.subscribeProgress(runId, () => {
      if (!killed) kill.postMessage('die');
      killed = true;
    });
    await bus.nc.flush();
    await publish(await foldJob(artifacts, { runId, spec }));
    const [trained] = await trainedOf(runId);
    await stop();
    expect(deliveries.get(`${runId}-f0`)).toBe(2);
    await publish(await foldJob(artifacts, { runId: calm, spec }));
    const [undisturbed] = await trainedOf(calm);
    expect(trained?.trained?.sha256).toBe(undisturbed?.trained?.sha256);
  });

  test('of every attempt of a job sends it to the dead letters; the others go on', async () => {
    const { deliveries } = await startTrainer(await openPool({ script: built.killable }), 2);
    const [poison, good] = [newRun(), newRun()];
    const stop = bus.subscribeProgress(poison, () => {
      kill.postMessage('die');
    });
    await bus.nc.flush();
    await publish(await foldJob(artifacts, { runId: poison, spec: endless }));
    const letter = await letterOf(`${poison}-f0`);
    expect(letter.data).toMatchObject({ code: 'RK_TRAIN_WORKER_DIED', attempts: 2 });
    await stop();
    expect(deliveries.get(`${poison}-f0`)).toBe(2);
    await publish(await foldJob(artifacts, { runId: good }));
    expect(await trainedOf(good)).toHaveLength(1);
  });

  test('while it is idle never holds a later job', async () => {
    const pool = await openPool({ script: built.killable });
    const job = await threadJob();
    kill.postMessage('die');
    const attempt = (): Promise<string> =>
      pool.run(job, never).then(
        () => 'trained',
        (error: { code: string }) => error.code,
      );
    // The first may still meet the dying thread; it ends either way, and the second has a new one.
    expect(['trained', 'RK_TRAIN_WORKER_DIED']).toContain(await attempt());
    expect(await attempt()).toBe('trained');
  });

  test('takes no job any more', async () => {
    const thread = new TrainingThread(built.script, {
      backend: 'cpu',
      engine: 'auto',
      onnxProviders: ['cpu'],
      onnxThreads: 1,
    });
    await thread.ready;
    await thread.close();
    await thread.ended;
    expect(thread.alive).toBe(false);
    await expect(thread.run(await threadJob(), never)).rejects.toMatchObject({
      code: 'RK_TRAIN_WORKER_DIED',
    });
  });
});

describe('a pool', () => {
  test('ends a job at its deadline with a code that is tried again, and its thread trains the next one', async () => {
    const pool = await openPool({ deadlineMs: 50 });
    await expect(pool.run(await threadJob(endless), never)).rejects.toMatchObject({
      code: 'RK_DEADLINE_EXCEEDED',
    });
    const patient = await openPool();
    expect((await patient.run(await threadJob({ epochs: 2 }), never)).epochsRun).toBe(2);
  });

  test('ends a job in good order when it is told to stop, and the same thread trains the next one', async () => {
    const pool = await openPool();
    const stop = new AbortController();
    const job = { ...(await threadJob(endless)), onEpoch: () => stop.abort(new Error('the service stops')) };
    await expect(pool.run(job, stop.signal)).rejects.toThrow('the service stops');
    const { thread: first } = await pool.run(await threadJob({ epochs: 2 }), never);
    const { thread: second } = await pool.run(await threadJob({ epochs: 2 }), never);
    expect(second).toBe(first);
  });

  test('that is closed in the middle of a job gives the job back and starts no thread', async () => {
    const pool = await openPool();
    let begun = (): void => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const running = pool.run({ ...(await threadJob(endless)), onEpoch: () => begun() }, never);
    const outcome = running.then(
      () => 'trained',
      (error: { code: string }) => error.code,
    );
    await started;
    await pool.close();
    expect(await outcome).toBe('RK_TRAIN_WORKER_DIED');
  });

  test('refuses to open where the backend asked for is not installed', async () => {
    await expect(openPool({ backend: 'gpu' })).rejects.toMatchObject({ code: 'RK_BACKEND_UNAVAILABLE' });
  });

  test.each(['cuda', 'webgpu'])(
    'refuses to open where the execution provider %s does not work',
    async (provider) => {
      // A machine that has it trains on it, by one thread.
      const opened = await openPool({ onnxProviders: [provider], workers: 3 }).then(
        (pool) => pool.size,
        (error: { code: string; message: string }) => [error.code, error.message.includes(provider)],
      );
      expect([1, ['RK_BACKEND_UNAVAILABLE', true]]).toContainEqual(opened);
    },
  );

  test('hands an event back when the consumer stops: another trainer ends it', async () => {
    const { consumption } = await startTrainer(await openPool());
    const runId = newRun();
    let begun = (): void => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const stop = bus.subscribeProgress(runId, () => begun());
    await bus.nc.flush();
    await publish(await foldJob(artifacts, { runId, spec: { epochs: 5_000 } }));
    await started;
    await consumption.stop(0);
    await stop();
    const pool = await openPool();
    const cancelled = await followCancelledRuns(bus, quiet);
    closing.push(() => cancelled.stop());
    const again = await bus.consume(events.foldJob, {
      durable: consumption.durable,
      handler: trainFold({ bus, artifacts, pool, plugins: noPlugins(), cancelled, codeVersion: '1.2.3' }),
    });
    closing.push(() => again.stop(0));
    expect((await trainedOf(runId))[0]?.epochsRun).toBe(5_000);
  });
});
