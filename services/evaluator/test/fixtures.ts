import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { BusEvent, Logger } from '@rookery/bus';
import { artifactTypes, columnTypeToProto, encodeRowNumbers, events, taskToProto } from '@rookery/contracts';
import type { EventType, TaskName } from '@rookery/contracts';
import { defaultSpec, networkTask, train, trainedModelToProto } from '@rookery/nn';
import { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Signature } from '@rookery/proto/rookery/domain/v1/data';
import type { ArtifactRef } from '@rookery/proto/rookery/domain/v1/data';
import { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import {
  allRows,
  classLabels,
  columnByName,
  createRandom,
  createTable,
  encodeTargets,
  fitTarget,
  fitTransformer,
  kFold,
  labelSetTarget,
  tableToArrow,
  transformRows,
} from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** A temporary folder with a store and artifacts in it. */
export async function openFolder(): Promise<{
  store: Store;
  artifacts: ArtifactStore;
  close(): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-evaluator-'));
  const [store, artifacts] = await Promise.all([
    openStore({ directory, database: 'evaluator' }),
    openArtifacts({ url: `file://${directory}/artifacts` }),
  ]);
  return {
    store,
    artifacts,
    close: async () => {
      await store.close();
      await artifacts.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** Numbers with gaps, a place, and a target for each task: `size` (3 classes), `sign` (0 or 1), `sum` (a number). */
export function measurements(rows: number): Table {
  const random = createRandom(5);
  const x = Float64Array.from({ length: rows }, () => random.normal());
  const y = Float64Array.from({ length: rows }, () => random.normal());
  const sum = x.map((value, row) => value + (y[row] ?? 0));
  return createTable([
    { name: 'x', type: 'numeric', values: x.map((value, row) => (row % 9 === 0 ? NaN : value)) },
    { name: 'y', type: 'numeric', values: y },
    {
      name: 'place',
      type: 'categorical',
      codes: Int32Array.from({ length: rows }, (_, row) => (row === 1 ? 2 : row % 2)),
      categories: ['a', 'b', 'c'],
    },
    {
      name: 'size',
      type: 'categorical',
      codes: Int32Array.from(sum, (value) => (value > 0.5 ? 2 : value < -0.5 ? 0 : 1)),
      categories: ['large', 'medium', 'small'],
    },
    { name: 'sign', type: 'numeric', values: sum.map((value) => (value > 0 ? 1 : 0)) },
    { name: 'sum', type: 'numeric', values: sum },
    { name: 'right', type: 'numeric', values: x.map((value) => (value > 0 ? 1 : 0)) },
    { name: 'weight', type: 'numeric', values: x.map((_, row) => (row % 4) / 2) },
  ]);
}

/** A run whose parts are all there: artifacts are stored, events are ready to be handed over. */
export interface RunFixture {
  readonly table: Table;
  readonly plan: RunStarted;
  /** ml.fold.trained of each fold, then of the final model. */
  readonly trained: readonly FoldTrained[];
  /** Rows held out by each fold. */
  readonly heldOut: readonly Uint32Array[];
}

/** Plans and trains a run as the services before do, with a few epochs. */
export async function trainedRun(
  artifacts: ArtifactStore,
  options: {
    runId: string;
    task?: TaskName;
    rows?: number;
    folds?: number;
    epochs?: number;
    threshold?: number;
    labelThreshold?: 'tuned';
    weightColumn?: string;
  },
): Promise<RunFixture> {
  const { runId, task = 'multiclass', rows = 45, folds = 3, epochs = 3 } = options;
  const table = measurements(rows);
  const target = { multiclass: 'size', binary: 'sign', multilabel: 'sign, right', regression: 'sum' }[task];
  const regression = task === 'regression';
  const columns = task === 'multilabel' ? target.split(', ') : [];
  const labels = columns.length > 0 ? columns : regression ? [] : classLabels(columnByName(table, target));
  const features = ['x', 'y', 'place'];
  const signature = Signature.fromPartial({
    target,
    task: taskToProto(task),
    classes: labels,
    targets: columns,
    ...(columns.length > 0 ? { labelSeparator: '|', labelThreshold: 0.5 } : {}),
    features: features.map((name) => {
      const { type } = columnByName(table, name);
      return { name, type: type === 'text' ? 0 : columnTypeToProto(type) };
    }),
  });
  const dataset = await artifacts.put(tableToArrow(table), artifactTypes.dataset);
  const split = kFold(rows, folds, { seed: 1 });
  const parts = [...split, { train: allRows(rows), test: new Uint32Array() }];
  const trained: FoldTrained[] = [];
  for (const [fold, part] of parts.entries()) {
    const final = fold === folds;
    const transformer = fitTransformer(table, part.train, { features });
    const encoder =
      columns.length > 0
        ? labelSetTarget(target, columns, { columns }, options.labelThreshold)
        : fitTarget(columnByName(table, target), part.train, task, regression ? {} : { labels });
    const matrix = transformRows(transformer, table, part.train);
    const outputs = regression ? 1 : labels.length;
    const { model, history } = await train({
      spec: { ...defaultSpec(networkTask(task), matrix.width, outputs), epochs },
      features: matrix.data,
      rows: matrix.rows,
      width: matrix.width,
      targets: encodeTargets(encoder, table, part.train),
      seed: fold,
      backend: 'cpu',
    });
    const bundle = FoldBundle.fromPartial({
      runId,
      fold,
      final,
      trainRows: encodeRowNumbers(part.train),
      testRows: encodeRowNumbers(part.test),
      transformerJson: JSON.stringify(transformer),
      targetJson: JSON.stringify(encoder),
      target,
      signature,
      weightColumn: options.weightColumn ?? '',
    });
    const [bundleRef, trainedRef]: ArtifactRef[] = await Promise.all([
      artifacts.put(FoldBundle.encode(bundle).finish(), artifactTypes.foldBundle),
      artifacts.put(TrainedModel.encode(trainedModelToProto(model)).finish(), artifactTypes.trainedModel),
    ]);
    trained.push(
      FoldTrained.fromPartial({
        runId,
        fold,
        final,
        folds,
        model: 'sizes',
        trained: trainedRef!,
        bundle: bundleRef!,
        dataset,
        history: { loss: history.loss, metric: history.metric, metricName: 'accuracy' },
        environment: { backend: 'cpu', engine: 'compiled' },
      }),
    );
  }
  const plan = RunStarted.fromPartial({
    runId,
    model: 'sizes',
    task: taskToProto(task),
    target,
    folds,
    dataset,
    signature,
    rows,
    gate: { metric: regression ? 'rmse' : 'accuracy', threshold: options.threshold },
    tags: { '': 'a tag without a name', $set: 'or with a dangerous one' },
  });
  return { table, plan, trained, heldOut: split.map(({ test }) => test) };
}

/** An event as the bus hands it over. */
export function delivered<T>(event: EventType<T>, key: string, data: T): BusEvent<T> {
  return {
    id: `${event.type}-${key}`,
    type: event.type,
    subject: event.subject(key),
    key,
    source: '/test',
    time: new Date(1_700_000_000_000),
    correlationId: key,
    deliveryCount: 1,
    stream: event.stream,
    sequence: 1,
    data,
    raw: new Uint8Array(),
  };
}

/** {@link delivered} for the two kinds of parts. */
export const planEvent = (plan: RunStarted): BusEvent<RunStarted> =>
  delivered(events.runStarted, plan.runId, plan);
export const trainedEvent = (part: FoldTrained): BusEvent<FoldTrained> =>
  delivered(events.foldTrained, part.runId, part);
