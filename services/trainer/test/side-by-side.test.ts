import { writeFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { ArtifactStore } from '@rookery/artifacts';
import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { events, jobKeyOf } from '@rookery/contracts';
import { noPlugins } from '@rookery/plugin';
import type { FoldJob, FoldTrained } from '@rookery/proto/rookery/events/v1/run';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';

import type { OpenPool, PoolOptions } from '../src/adapters/training-pool.js';
import { trainFold } from '../src/application/train-fold.js';
import { buildWorker, foldJob, openFolder, openTestPool } from './fixtures.js';
import type { BuiltWorker } from './fixtures.js';

let built: BuiltWorker;
let server: NatsServer;
let bus: Bus;
let folder: Awaited<ReturnType<typeof openFolder>>;
const closing: (() => Promise<unknown>)[] = [];
let serial = 0;

beforeAll(async () => {
  [built, server, folder] = await Promise.all([buildWorker(), startNatsServer(), openFolder()]);
  bus = await connectBus({ url: server.url, name: 'trainer' });
  await bus.ensureTopology();
}, 120_000);
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});
afterAll(async () => {
  await bus.close();
  await Promise.all([server.stop(), folder.close(), built.remove()]);
});

const openPool = (options: Partial<PoolOptions> = {}): Promise<OpenPool> =>
  openTestPool(built, closing, { workers: 2, ...options });

async function startTrainer(pool: OpenPool, artifacts: ArtifactStore): Promise<void> {
  serial += 1;
  const cancelled = {
    unlessCancelled: (_run: string, signal: AbortSignal, work: (signal: AbortSignal) => unknown) =>
      work(signal),
  };
  const consumption = await bus.consume(events.foldJob, {
    durable: `side-by-side-${serial}`,
    from: 'new',
    concurrency: pool.size,
    maxDeliver: 1,
    handler: trainFold({
      bus,
      artifacts,
      pool,
      plugins: noPlugins(),
      cancelled: cancelled as never,
      codeVersion: '1.2.3',
    }),
  });
  closing.push(() => consumption.stop(0));
}

/** Publishes the folds of a run and its final model, and waits for them. */
async function trainRun(spec: object): Promise<FoldTrained[]> {
  serial += 1;
  const runId = `run-${serial.toString(16).padStart(16, '0')}`;
  const jobs: FoldJob[] = [];
  for (let fold = 0; fold <= 5; fold += 1) {
    const rows = Array.from({ length: 60 }, (_, row) => row).filter((row) => fold === 5 || row % 5 !== fold);
    jobs.push({ ...(await foldJob(folder.artifacts, { runId, fold, rows, spec })), final: fold === 5 });
  }
  const found: FoldTrained[] = [];
  let all = (): void => undefined;
  const done = new Promise<void>((resolve) => (all = resolve));
  const replay = await bus.replay(events.foldTrained, {
    key: runId,
    untilCaughtUp: false,
    onEvent: ({ data }) => {
      if (found.push(data) === jobs.length) all();
    },
  });
  for (const job of jobs) {
    const key = jobKeyOf(runId, job.fold, job.final);
    await bus.publish(events.foldJob, key, job, { id: `job-${key}` });
  }
  await done;
  await replay.stop();
  return found;
}

describe('the folds and the final model of a run', () => {
  test('read their data set once for the process, and each its own bundle', async () => {
    const reads = new Map<string, number>();
    const { artifacts } = folder;
    const counting = {
      get: (sha256: string) => {
        reads.set(sha256, (reads.get(sha256) ?? 0) + 1);
        return artifacts.get(sha256);
      },
      put: artifacts.put.bind(artifacts),
    } as ArtifactStore;
    await startTrainer(await openPool(), counting);
    const trained = await trainRun({ epochs: 3 });
    const dataset = trained[0]?.dataset?.sha256 ?? '';
    expect(reads.get(dataset)).toBe(1);
    expect([...reads.values()]).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });

  test('are trained side by side, on as many threads as there are', async () => {
    await startTrainer(await openPool(), folder.artifacts);
    const trained = await trainRun({ epochs: 4_000 });
    expect(new Set(trained.map(({ environment }) => environment?.worker)).size).toBe(2);
    expect(trained).toHaveLength(6);
  });
});

describe('on a GPU', () => {
  /** A thread that says it has a GPU, and trains by saying so. */
  const onGpu = `
    import { parentPort, threadId } from 'node:worker_threads';
    parentPort.postMessage({ kind: 'ready', backend: 'gpu', reason: 'a test', fallbacks: [] });
    let running = 0;
    parentPort.on('message', ({ job }) => {
      running += 1;
      setImmediate(() => {
        parentPort.postMessage({
          kind: 'trained', job, model: new Uint8Array([running]), history: { loss: [], metric: [] }, metricName: 'accuracy',
          epochsRun: 0, bestEpoch: 0, stoppedEarly: false, stopped: false, backend: 'gpu', engine: 'tfjs', engineVersion: '', durationMs: 0,
        });
        running -= 1;
      });
    });`;

  test('the folds of a run share one thread, and so one process and one device, one after another', async () => {
    const file = fileURLToPath(new URL('gpu-worker.mjs', built.script));
    await writeFile(file, onGpu);
    const pool = await openPool({ workers: 4, script: pathToFileURL(file) });
    expect([pool.size, pool.backend]).toEqual([1, 'gpu']);
    const job = {
      datasetSha256: '',
      dataset: new SharedArrayBuffer(1),
      bundle: new Uint8Array(),
      spec: {} as never,
      seed: 1,
      onEpoch: () => undefined,
    };
    const never = new AbortController().signal;
    const done = await Promise.all(Array.from({ length: 6 }, () => pool.run(job, never)));
    expect(new Set(done.map(({ thread }) => thread)).size).toBe(1);
    // Never two at work at once.
    expect(done.map(({ model }) => model[0])).toEqual([1, 1, 1, 1, 1, 1]);
  });
});
