// Thread that trains: the process around it stays free for heartbeats and stop signals.
import { parentPort, workerData } from 'node:worker_threads';

import { TerminalError, decodeRowNumbers, decodeRowWeights, toRookeryError } from '@rookery/contracts';
import {
  countParameters,
  engineVersion,
  networkTask,
  onnxProblem,
  resolveBackend,
  train,
  trainedModelToProto,
  useBackend,
  useOnnxProviders,
  useOnnxThreads,
  validateSpec,
  warmUp,
} from '@rookery/nn';
import type { BackendName, ModelSpec, TrainJob, TrainResult } from '@rookery/nn';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import {
  encodeTargets,
  featureRanges,
  pluginStepsOf,
  rawColumnsOf,
  tableFromArrow,
  transformTrainingRows,
  withMadeColumns,
} from '@rookery/tabular';
import type { FeatureMatrix, FittedTransformer, Table, TargetEncoder } from '@rookery/tabular';

import { LeastRecentlyUsed } from './domain/least-recently-used.js';
import type {
  ColumnsJob,
  JobData,
  RowsJob,
  WorkerAnswer,
  WorkerJob,
  WorkerSettings,
} from './domain/worker-messages.js';

if (parentPort === null) throw new Error('training-worker runs as a worker thread only');
const port = parentPort;
const settings = workerData as WorkerSettings;
const stopFlag = new Int32Array(settings.stopFlag);

/** Tables that a thread keeps decoded. */
const tablesKept = 2;

const tables = new LeastRecentlyUsed<Table>(tablesKept);

/** Progress is sent at most this often; the whole history comes with the result. */
const progressEveryMs = 20;

const answer = (message: WorkerAnswer, moved: ArrayBuffer[] = []): void => {
  port.postMessage(message, moved);
};

function tableOf(job: JobData): Table {
  const known = tables.get(job.datasetSha256);
  if (known) return known;
  const table = tableFromArrow(new Uint8Array(job.dataset));
  tables.set(job.datasetSha256, table);
  return table;
}

/** What a bundle says; RK_ARTIFACT_CORRUPT, terminal, where its bytes are no bundle. */
function bundleOf(job: JobData): {
  rows: Uint32Array;
  transformer: FittedTransformer;
  encoder: TargetEncoder;
  weights: Float32Array | undefined;
} {
  try {
    const bundle = FoldBundle.decode(job.bundle);
    return {
      rows: decodeRowNumbers(bundle.trainRows),
      transformer: JSON.parse(bundle.transformerJson) as FittedTransformer,
      encoder: JSON.parse(bundle.targetJson) as TargetEncoder,
      weights: decodeRowWeights(bundle.trainWeights),
    };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TerminalError('RK_ARTIFACT_CORRUPT', `The fold bundle of the job can't be read: ${why}`, {
      cause,
    });
  }
}

/** With `auto`, the backend that suits the size of this network; else the one that was asked for, or that the engine is for. */
async function backendFor(spec: ModelSpec, inputs: number, resolved: BackendName): Promise<BackendName> {
  if (settings.backend !== 'auto' || settings.engine === 'compiled' || settings.engine === 'onnx')
    return resolved;
  const size = { parameters: countParameters(spec, inputs), batchSize: spec.batchSize };
  return (await resolveBackend('auto', size)).backend;
}

/** Trains as a recorded job was trained; where this thread lacks that backend or engine, in its own way. */
async function trainLike(own: TrainJob, like: WorkerJob['like']): Promise<TrainResult> {
  if (like === undefined) return train(own);
  const recorded = like as { backend: BackendName; engine: Exclude<TrainJob['engine'], undefined> };
  try {
    return await train({ ...own, backend: recorded.backend, engine: recorded.engine });
  } catch (thrown) {
    if (toRookeryError(thrown).code !== 'RK_BACKEND_UNAVAILABLE') throw thrown;
    return train(own);
  }
}

/** The training rows of a job, through its bundle's transformer. */
function rowsOf(job: JobData): {
  matrix: FeatureMatrix;
  targets: Int32Array | Float32Array;
  weights: Float32Array | undefined;
  transformer: FittedTransformer;
  encoder: TargetEncoder;
} {
  const { rows, transformer, encoder, weights } = bundleOf(job);
  const table = withMadeColumns(tableOf(job), job.made ?? [], rows);
  const matrix = transformTrainingRows(transformer, table, rows);
  const targets = encodeTargets(encoder, table, rows);
  return { matrix, targets, weights, transformer, encoder };
}

function sendRows(job: RowsJob): void {
  const { matrix, targets, weights, transformer, encoder } = rowsOf(job);
  const { data: features, rows, width } = matrix;
  const { featureNames } = transformer;
  const classes = encoder.task === 'regression' ? [] : encoder.labels;
  answer({ kind: 'rows', job: job.job, features, rows, width, targets, weights, featureNames, classes }, [
    features.buffer as ArrayBuffer,
    targets.buffer as ArrayBuffer,
  ]);
}

function sendColumns(job: ColumnsJob): void {
  const { rows, transformer } = bundleOf(job);
  const names = pluginStepsOf(transformer).flatMap(({ columns }) => columns.map(({ name }) => name));
  const columns = rawColumnsOf(tableOf(job), [...new Set(names)], rows);
  answer({ kind: 'columns', job: job.job, columns, rows: rows.length });
}

async function fit(job: WorkerJob, resolved: BackendName): Promise<void> {
  const { matrix, targets, weights, transformer, encoder } = rowsOf(job);
  const task = networkTask(encoder.task);
  const regression = task === 'regression';
  // A complete specification passes unchanged; one that came broken is refused by the name of its field.
  const spec = validateSpec(job.spec, {
    task,
    inputs: matrix.width,
    outputs: regression ? 1 : encoder.labels.length,
    // A fold without some category has other columns: embeddings by name find theirs again.
    features: featureRanges(transformer),
    labels: encoder.labels,
  });
  const backend = await backendFor(spec, matrix.width, resolved);
  const startedAt = performance.now();
  let lastProgress = startedAt;
  const metricName = regression ? 'rmse' : 'accuracy';
  const own: TrainJob = {
    spec,
    features: matrix.data,
    rows: matrix.rows,
    width: matrix.width,
    columns: featureRanges(transformer),
    targets,
    ...(weights === undefined ? {} : { sampleWeights: weights }),
    ...(task === 'classification' ? { classes: encoder.labels.length } : {}),
    seed: job.seed,
    backend,
    engine: settings.engine,
    shouldStop: () => Atomics.load(stopFlag, 0) !== 0,
    onEpoch: (epoch, { loss, metric }) => {
      const now = performance.now();
      if (now - lastProgress < progressEveryMs && epoch < spec.epochs) return;
      lastProgress = now;
      answer({ kind: 'epoch', job: job.job, epoch, loss, metric, metricName });
    },
  };
  const result = await trainLike(own, job.like);
  answer({
    kind: 'trained',
    job: job.job,
    model: TrainedModel.encode(trainedModelToProto(result.model)).finish(),
    history: result.history,
    metricName: result.metricName,
    epochsRun: result.epochsRun,
    bestEpoch: result.bestEpoch,
    stoppedEarly: result.stoppedEarly,
    stopped: result.stopped,
    backend: result.backend,
    engine: result.engine,
    engineVersion: engineVersion(result.engine),
    durationMs: performance.now() - startedAt,
  });
}

/** Who asks for a device by its name is told where it does not work. Without onnxruntime, 'auto' has other engines. */
async function requireProviders(): Promise<void> {
  if (settings.onnxProviders.every((name) => name === 'cpu')) return;
  const problem = await onnxProblem();
  if (problem === undefined) return;
  throw new TerminalError('RK_BACKEND_UNAVAILABLE', `ROOKERY_ONNX_PROVIDERS can't be had: ${problem}`, {
    hint: 'Make it work, or leave ROOKERY_ONNX_PROVIDERS at cpu.',
  });
}

try {
  const { backend, reason, fallbacks } = await resolveBackend(settings.backend);
  useOnnxProviders(settings.onnxProviders);
  useOnnxThreads(settings.onnxThreads);
  await requireProviders();
  await useBackend(backend);
  await warmUp(backend);
  if (settings.engine === 'onnx') await warmUp(backend, 'onnx');
  answer({ kind: 'ready', backend, reason, fallbacks });
  const work = async (job: WorkerJob | RowsJob | ColumnsJob): Promise<void> => {
    if (job.kind === 'columns') sendColumns(job);
    else if (job.kind === 'rows') sendRows(job);
    else await fit(job, backend);
  };
  port.on('message', (job: WorkerJob | RowsJob | ColumnsJob) => {
    work(job).catch((thrown: unknown) => {
      const { code, message, hint, details } = toRookeryError(thrown);
      answer({ kind: 'failed', job: job.job, code, message, hint, details });
    });
  });
} catch (thrown) {
  const { code, message, hint } = toRookeryError(thrown);
  answer({ kind: 'unusable', code, message, hint });
}
