import { randomBytes } from 'node:crypto';
import { runIdOf, taskToProto } from '@rookery/contracts';
import type { ArtifactStore } from '@rookery/artifacts';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { ArtifactRef, FoldMetrics, Signature } from '@rookery/proto/rookery/domain/v1/data';
import { DatasetIngested } from '@rookery/proto/rookery/events/v1/dataset';
import { FoldEvaluated, FoldTrained, RunEvaluated, RunStarted } from '@rookery/proto/rookery/events/v1/run';

/** What a run of the tests is made of. */
export interface RunSpec {
  model?: string;
  accuracy?: number;
  threshold?: number;
  metric?: string;
  metrics?: Record<string, number>;
  allowWorse?: boolean;
  folds?: number;
  requestEventId?: string;
  requestedAtMs?: number;
  package?: ArtifactRef;
}

/** All events of one run, as the other services would emit them. */
export interface RunEvents {
  runId: string;
  model: string;
  ingested: DatasetIngested;
  started: RunStarted;
  trained: FoldTrained[];
  foldEvaluated: FoldEvaluated[];
  evaluated: RunEvaluated;
}

const sha = (digit: string): string => digit.repeat(64);
const ref = (digit: string): ArtifactRef => ({ sha256: sha(digit), bytes: 10, mediaType: 'application/x' });

const signature: Signature = {
  features: [{ name: 'body.mass', type: ColumnType.COLUMN_TYPE_NUMERIC, categories: [] }],
  target: 'species',
  task: taskToProto('multiclass'),
  classes: ['a', 'b', 'c'],
  targets: [],
  labelSeparator: '',
  labelThreshold: 0,
  labelThresholds: [],
};

const environment = {
  backend: 'cpu',
  engine: 'tfjs',
  engineVersion: '4',
  codeVersion: 'abc123',
  nodeVersion: 'v20',
  platform: 'linux',
  worker: 'h/1/1',
};

/** A model package whose input example has a column name with a dot. */
export async function putPackage(
  artifacts: Pick<ArtifactStore, 'put'>,
  model = 'penguins',
): Promise<ArtifactRef> {
  const bytes = ModelPackage.encode(
    ModelPackage.fromPartial({
      model,
      signature,
      inputExample: { values: { 'body.mass': { kind: { $case: 'number', value: 3750 } }, island: {} } },
    }),
  ).finish();
  return artifacts.put(bytes, 'application/x-protobuf');
}

/** Messages of a whole run; every call is another run unless `requestEventId` says which. */
export function runEvents(spec: RunSpec = {}): RunEvents {
  const requestEventId = spec.requestEventId ?? `request-${randomBytes(8).toString('hex')}`;
  const runId = runIdOf(requestEventId);
  const requestedAtMs = spec.requestedAtMs ?? 1_700_000_000_000;
  const model = spec.model ?? 'penguins';
  const folds = spec.folds ?? 3;
  const accuracy = spec.accuracy ?? 0.97;
  const metric = spec.metric ?? 'accuracy';
  const threshold = spec.threshold ?? 0.7;
  const means = spec.metrics ?? { accuracy, log_loss: 1 - accuracy };
  const value = means[metric] ?? 0;
  const passed = metric === 'accuracy' ? value >= threshold : value <= threshold;
  const gate = { metric, threshold, allowWorseThanChampion: spec.allowWorse ?? false };
  const results: FoldMetrics[] = Array.from({ length: folds }, (_, fold) => ({
    fold,
    metrics: means,
    rows: 10,
  }));
  return {
    runId,
    model,
    ingested: DatasetIngested.fromPartial({
      datasetId: 'ds-1',
      name: model,
      version: 1,
      artifact: ref('d'),
      rows: 30,
      request: {
        name: model,
        uri: 'file:///data/penguins.csv',
        target: 'species',
        tags: { '': 'odd', 'a.b': '$c' },
      },
      requestEventId,
      requestedAtMs,
    }),
    started: RunStarted.fromPartial({
      runId,
      datasetId: 'ds-1',
      datasetName: model,
      datasetVersion: 1,
      dataset: ref('d'),
      model,
      task: taskToProto('multiclass'),
      target: 'species',
      folds,
      stratified: true,
      seed: 42,
      gate,
      modelSpec: { layers: [{ units: 10, activation: 'relu' }] },
      signature,
      rows: 30,
      requestEventId,
      requestedAtMs,
      codeVersion: 'abc123',
    }),
    trained: Array.from({ length: folds + 1 }, (_, fold) =>
      FoldTrained.fromPartial({
        runId,
        fold,
        final: fold === folds,
        folds,
        model,
        trained: ref('e'),
        history: {
          loss: [1, 0.5],
          metricName: 'accuracy',
          metric: [0.4, 0.9],
          valLoss: [1.2, 0.7],
          valMetric: [0.3, 0.8],
          epochsRun: 2,
          bestEpoch: 2,
        },
        environment,
        durationMs: 120 + fold,
        epochsRun: 2,
      }),
    ),
    foldEvaluated: results.map((result) => FoldEvaluated.fromPartial({ runId, result })),
    evaluated: RunEvaluated.fromPartial({
      runId,
      model,
      task: taskToProto('multiclass'),
      metrics: Object.fromEntries(Object.entries(means).map(([name, mean]) => [name, { mean, std: 0.01 }])),
      folds: results,
      confusion: { classes: ['a', 'b', 'c'], counts: [10, 0, 0, 0, 10, 0, 0, 0, 10] },
      verdict: {
        passed,
        metric,
        value,
        threshold,
        reasons: [`mean ${metric} ${value} ${passed ? 'reaches' : 'misses'} the threshold ${threshold}`],
      },
      trained: ref('e'),
      ...(spec.package ? { package: spec.package } : {}),
      reference: ref('f'),
      environment,
    }),
  };
}
