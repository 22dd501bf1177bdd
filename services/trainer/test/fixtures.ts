import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Logger } from '@rookery/bus';
import {
  artifactTypes,
  decodeRowNumbers,
  encodeRowNumbers,
  encodeRowWeights,
  taskFromProto,
  taskToProto,
} from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import { defaultSpec, networkTask } from '@rookery/nn/spec';
import type { ModelSpec } from '@rookery/nn/spec';
import type { TrainJob } from '@rookery/nn';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { FoldJob } from '@rookery/proto/rookery/events/v1/run';
import {
  classLabels,
  columnByName,
  createRandom,
  createTable,
  encodeTargets,
  fitTarget,
  fitTransformer,
  labelSetTarget,
  tableToArrow,
  transformTrainingRows,
} from '@rookery/tabular';
import type { FittedTransformer, Table, TargetEncoder } from '@rookery/tabular';

import { openTrainingPool } from '../src/adapters/training-pool.js';
import type { OpenPool, PoolOptions } from '../src/adapters/training-pool.js';

const service = fileURLToPath(new URL('..', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Name of the channel on which {@link BuiltWorker.killable} hears that it shall die. */
export const killChannel = `kill-training-thread-${process.pid}`;

/** The bundled worker thread, and one that dies at a message on {@link killChannel}. */
export interface BuiltWorker {
  readonly script: URL;
  readonly killable: URL;
  remove(): Promise<void>;
}

/** Builds the worker as the service is built, beside the packages that stay outside of the bundle. */
export async function buildWorker(): Promise<BuiltWorker> {
  const cache = join(root, 'node_modules', '.cache');
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, 'trainer-test-'));
  await symlink(join(service, 'src'), join(folder, 'src'));
  await cp(join(service, 'package.json'), join(folder, 'package.json'));
  const bundler = join(root, 'deploy', 'build', 'bundle.mjs');
  await promisify(execFile)(process.execPath, [bundler], { cwd: folder });
  const dist = join(folder, 'dist');
  await writeFile(
    join(dist, 'killable.js'),
    [
      "import { BroadcastChannel } from 'node:worker_threads';",
      `const channel = new BroadcastChannel(${JSON.stringify(killChannel)});`,
      'channel.onmessage = () => process.exit(9);',
      "await import('./training-worker.js');",
    ].join('\n'),
  );
  return {
    script: pathToFileURL(join(dist, 'training-worker.js')),
    killable: pathToFileURL(join(dist, 'killable.js')),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** A folder with artifacts in it. */
export async function openFolder(): Promise<{ artifacts: ArtifactStore; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-trainer-'));
  const artifacts = await openArtifacts({ url: `file://${directory}` });
  return {
    artifacts,
    close: async () => {
      await artifacts.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Two numbers, a place with gaps, and three targets that follow from them. */
export function measurements(rows = 60): Table {
  const random = createRandom(3);
  const x = Float64Array.from({ length: rows }, () => random.normal());
  const y = Float64Array.from({ length: rows }, () => random.normal());
  const sum = x.map((value, row) => value + (y[row] ?? 0));
  return createTable([
    { name: 'x', type: 'numeric', values: x.map((value, row) => (row % 9 === 0 ? NaN : value)) },
    { name: 'y', type: 'numeric', values: y },
    {
      name: 'place',
      type: 'categorical',
      codes: Int32Array.from({ length: rows }, (_, row) => (row % 7 === 0 ? -1 : row % 3)),
      categories: ['a', 'b', 'c'],
    },
    {
      name: 'sign',
      type: 'boolean',
      codes: Int32Array.from(sum, (value) => (value > 0 ? 1 : 0)),
      categories: ['false', 'true'],
    },
    {
      name: 'size',
      type: 'categorical',
      codes: Int32Array.from(sum, (value) => (value > 0.5 ? 2 : value < -0.5 ? 0 : 1)),
      categories: ['large', 'medium', 'small'],
    },
    { name: 'sum', type: 'numeric', values: sum },
    { name: 'right', type: 'numeric', values: x.map((value) => (value > 0 ? 1 : 0)) },
  ]);
}

/** What a job is made of. */
export interface JobFixture {
  readonly runId: string;
  readonly fold?: number;
  readonly task?: TaskName;
  readonly rows?: readonly number[];
  readonly spec?: Partial<ModelSpec>;
  /** Of the training rows. Default: the bundle has none. */
  readonly weights?: Float32Array;
}

/** ml.job.fold, its data set and its bundle stored. */
export async function foldJob(artifacts: ArtifactStore, fixture: JobFixture): Promise<FoldJob> {
  const { task = 'multiclass', fold = 0, runId } = fixture;
  const table = measurements();
  const target = { binary: 'sign', multiclass: 'size', multilabel: 'sign, right', regression: 'sum' }[task];
  const rows = Uint32Array.from(fixture.rows ?? Array.from({ length: 48 }, (_, row) => row));
  const transformer = fitTransformer(table, rows, { features: ['x', 'y', 'place'] });
  const encoder = encoderOf(table, target, rows, task);
  const { labels } = encoder;
  const bundle = FoldBundle.fromPartial({
    runId,
    fold,
    trainRows: encodeRowNumbers(rows),
    transformerJson: JSON.stringify(transformer),
    targetJson: JSON.stringify(encoder),
    target,
    task: taskToProto(task),
    ...(fixture.weights === undefined ? {} : { trainWeights: encodeRowWeights(fixture.weights) }),
  });
  const [dataset, stored] = await Promise.all([
    artifacts.put(tableToArrow(table), artifactTypes.dataset),
    artifacts.put(FoldBundle.encode(bundle).finish(), artifactTypes.foldBundle),
  ]);
  const spec = defaultSpec(networkTask(task), transformer.width, task === 'regression' ? 1 : labels.length);
  return FoldJob.fromPartial({
    runId,
    fold,
    folds: 5,
    model: 'sizes',
    task: taskToProto(task),
    dataset,
    bundle: stored,
    modelSpec: { ...spec, ...fixture.spec },
    seed: 7,
  });
}

function encoderOf(table: Table, target: string, rows: Uint32Array, task: TaskName): TargetEncoder {
  if (task === 'multilabel') {
    const columns = target.split(', ');
    return labelSetTarget(target, columns, { columns });
  }
  const column = columnByName(table, target);
  return fitTarget(column, rows, task, task === 'regression' ? {} : { labels: classLabels(column) });
}

/** The same job as libs/nn takes it, without bus, bundle or thread. */
export async function nnJob(artifacts: ArtifactStore, fixture: JobFixture): Promise<TrainJob> {
  const { modelSpec, seed, bundle, task } = await foldJob(artifacts, fixture);
  const fold = FoldBundle.decode(await artifacts.get(bundle?.sha256 ?? ''));
  const encoder = JSON.parse(fold.targetJson) as TargetEncoder;
  const rows = decodeRowNumbers(fold.trainRows);
  const table = measurements();
  const { data, width } = transformTrainingRows(
    JSON.parse(fold.transformerJson) as FittedTransformer,
    table,
    rows,
  );
  const classes =
    networkTask(taskFromProto(task) ?? 'regression') === 'classification' ? encoder.labels.length : 0;
  return {
    spec: modelSpec as unknown as ModelSpec,
    features: data,
    rows: rows.length,
    width,
    targets: encodeTargets(encoder, table, rows),
    seed,
    backend: 'cpu',
    ...(fixture.weights === undefined ? {} : { sampleWeights: fixture.weights }),
    ...(classes === 0 ? {} : { classes }),
  };
}

/** A pool of threads that run the built worker; it is closed with what else is `closing`. */
export async function openTestPool(
  built: BuiltWorker,
  closing: (() => Promise<unknown>)[],
  options: Partial<PoolOptions>,
): Promise<OpenPool> {
  const pool = await openTrainingPool({
    workers: 1,
    backend: 'cpu',
    engine: 'auto',
    deadlineMs: 600_000,
    logger: quiet,
    script: built.script,
    ...options,
  });
  closing.push(() => pool.close());
  return pool;
}
