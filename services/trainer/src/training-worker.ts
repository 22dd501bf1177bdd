// Thread that trains: the process around it stays free for heartbeats and stop signals.
import { parentPort, workerData } from 'node:worker_threads';

import { decodeRowNumbers, toRookeryError } from '@rookery/contracts';
import { engineVersion, resolveBackend, train, trainedModelToProto, useBackend, warmUp } from '@rookery/nn';
import type { BackendName } from '@rookery/nn';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { columnByName, encodeTarget, tableFromArrow, transformRows } from '@rookery/tabular';
import type { FittedTransformer, Table, TargetEncoder } from '@rookery/tabular';

import { LeastRecentlyUsed } from './domain/least-recently-used.js';
import { tablesKept } from './domain/worker-messages.js';
import type { WorkerAnswer, WorkerJob, WorkerSettings } from './domain/worker-messages.js';

if (parentPort === null) throw new Error('training-worker runs as a worker thread only');
const port = parentPort;
const settings = workerData as WorkerSettings;
const stopFlag = new Int32Array(settings.stopFlag);



const tables = new LeastRecentlyUsed<Table>(tablesKept);

/** Progress is sent at most this often; the whole history comes with the result. */
const progressEveryMs = 20;

const answer = (message: WorkerAnswer): void => {
  port.postMessage(message);
};

function tableOf(job: WorkerJob): Table {
  const known = tables.get(job.datasetSha256);
  if (known) return known;
  if (job.dataset === undefined) throw new Error(`Dataset ${job.datasetSha256} was not handed to this thread`);
  const table = tableFromArrow(new Uint8Array(job.dataset));
  tables.set(job.datasetSha256, table);
  return table;
}

async function fit(job: WorkerJob, backend: BackendName): Promise<void> {
  const table = tableOf(job);
  const bundle = FoldBundle.decode(job.bundle);
  const rows = decodeRowNumbers(bundle.trainRows);
  const transformer = JSON.parse(bundle.transformerJson) as FittedTransformer;
  const encoder = JSON.parse(bundle.targetJson) as TargetEncoder;
  const matrix = transformRows(transformer, table, rows);
  const targets = encodeTarget(encoder, columnByName(table, bundle.target), rows);
  const startedAt = performance.now();
  let lastProgress = startedAt;
  const metricName = encoder.task === 'regression' ? 'rmse' : 'accuracy';
  const result = await train({
    spec: job.spec,
    features: matrix.data,
    rows: matrix.rows,
    width: matrix.width,
    targets,
    ...(encoder.task === 'regression' ? {} : { classes: encoder.labels.length }),
    seed: job.seed,
    backend,
    engine: settings.engine,
    shouldStop: () => Atomics.load(stopFlag, 0) !== 0,
    onEpoch: (epoch, { loss, metric }) => {
      const now = performance.now();
      if (now - lastProgress < progressEveryMs && epoch < job.spec.epochs) return;
      lastProgress = now;
      answer({ kind: 'epoch', job: job.job, epoch, loss, metric, metricName });
    },
  });
  answer({
    kind: 'trained',
    job: job.job,
    model: TrainedModel.encode(trainedModelToProto(result.model)).finish(),
    history: result.history,
    metricName: result.metricName,
    epochsRun: result.epochsRun,
    stopped: result.stopped,
    backend: result.backend,
    engine: result.engine,
    engineVersion: engineVersion(result.engine),
    durationMs: performance.now() - startedAt,
  });
}

try {
  const { backend, reason, fallbacks } = await resolveBackend(settings.backend);
  await useBackend(backend);
  await warmUp(backend);
  answer({ kind: 'ready', backend, reason, fallbacks });
  port.on('message', (job: WorkerJob) => {
    fit(job, backend).catch((thrown: unknown) => {
      const { code, message, hint, details } = toRookeryError(thrown);
      answer({ kind: 'failed', job: job.job, code, message, hint, details });
    });
  });
} catch (thrown) {
  const { code, message, hint } = toRookeryError(thrown);
  answer({ kind: 'unusable', code, message, hint });
}
