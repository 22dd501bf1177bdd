import { TerminalError } from '@rookery/contracts';
import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { ListServedModelsResponse } from '@rookery/proto/rookery/inference/v1/inference';
import { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';
import { MonitoredModel, StoredPrediction } from '@rookery/proto/rookery/monitor/v1/monitor';
import { AliasChange, Model, ModelVersion, Run, RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { SystemData } from '../src/application/ports.js';

/** What a file that wishes ill may hold. */
export const hostile = `<img src=x onerror="globalThis.pwned=1">`;

export const runIds = {
  promoted: 'run-00000000000000a1',
  training: 'run-00000000000000b2',
  failed: 'run-00000000000000c3',
  rejected: 'run-00000000000000d4',
} as const;

const sha = (digit: string): string => digit.repeat(64);
const classes = ['Adelie', 'Chinstrap', 'Gentoo'];
const features = [
  { name: 'island', type: ColumnType.COLUMN_TYPE_CATEGORICAL, categories: ['Biscoe', 'Dream', hostile] },
  ...['culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm', 'body_mass_g'].map((name) => ({
    name,
    type: ColumnType.COLUMN_TYPE_NUMERIC,
    categories: [],
  })),
  { name: 'sex', type: ColumnType.COLUMN_TYPE_CATEGORICAL, categories: ['FEMALE', 'MALE'] },
];
const signature = { features, target: 'species', task: Task.TASK_MULTICLASS, classes };
const modelSpec = { layers: [{ type: 'dense', units: 10, activation: 'relu' }], optimizer: { name: 'sgd', learningRate: 0.01 } };
const environment = {
  backend: 'cpu',
  engine: 'tfjs',
  engineVersion: '4.22.0',
  codeVersion: '0.1.0',
  nodeVersion: 'v20.20.0',
  platform: 'linux-x64',
  worker: 'host-a/4711/2',
};
const input = {
  values: {
    island: { kind: { $case: 'text' as const, value: 'Biscoe' } },
    culmen_length_mm: { kind: { $case: 'number' as const, value: 45.2 } },
    culmen_depth_mm: { kind: { $case: 'number' as const, value: 14.8 } },
    flipper_length_mm: { kind: { $case: 'number' as const, value: 212 } },
    body_mass_g: { kind: { $case: 'number' as const, value: 5200 } },
    sex: { kind: undefined },
  },
};
const loss = (epochs: number): number[] => Array.from({ length: epochs }, (_, i) => 1.1 * Math.exp(-i / 14) + 0.05);
const accuracy = (epochs: number): number[] => Array.from({ length: epochs }, (_, i) => 1 - 0.65 * Math.exp(-i / 10));
const metrics = { accuracy: { mean: 0.9767, std: 0.0132 }, f1_macro: { mean: 0.9712, std: 0.0161 }, log_loss: { mean: 0.1043, std: 0.021 } };
const confusion = { classes, counts: [150, 2, 0, 3, 65, 0, 0, 0, 124] };
const start = Date.UTC(2026, 2, 14, 9, 26, 53);

const plan = (runId: string): object => ({
  runId,
  datasetId: 'ds-1',
  datasetName: 'penguins',
  datasetVersion: 2,
  dataset: { sha256: sha('a'), bytes: 21_504, mediaType: 'application/vnd.apache.arrow.file' },
  model: 'penguins',
  task: Task.TASK_MULTICLASS,
  target: 'species',
  folds: 5,
  stratified: true,
  seed: 42,
  gate: { metric: '', threshold: 0.7, allowWorseThanChampion: false },
  modelSpec,
  signature,
  rows: 344,
  requestEventId: `dataset-ready-${runId}`,
  requestedAtMs: start,
  codeVersion: '0.1.0',
  tags: { team: hostile },
});
const job = (fold: number, done: boolean): object => ({
  fold,
  final: fold === 5,
  state: done ? (fold === 5 ? 'trained' : 'evaluated') : 'queued',
  ...(done
    ? {
        history: { loss: loss(50), metricName: 'accuracy', metric: accuracy(50) },
        environment,
        durationMs: 412 + fold * 9,
        ...(fold === 5 ? {} : { result: { fold, metrics: { accuracy: 0.96 + fold * 0.008, f1_macro: 0.95, log_loss: 0.1 }, rows: 69 } }),
        trained: { sha256: sha('b'), bytes: 4096, mediaType: 'x' },
      }
    : {}),
});
const jobs = (done: number): object[] => [0, 1, 2, 3, 4, 5].map((fold) => job(fold, fold < done));

const runs = [
  Run.fromPartial({
    runId: runIds.training, model: 'penguins', state: RunState.RUN_STATE_TRAINING, plan: plan(runIds.training), jobs: jobs(2),
    createdAtMs: start + 60_000, updatedAtMs: start + 61_000, traceId: 'c'.repeat(32), backend: 'cpu',
  }),
  Run.fromPartial({
    runId: runIds.promoted, model: 'penguins', state: RunState.RUN_STATE_PROMOTED, plan: plan(runIds.promoted), jobs: jobs(6), metrics, confusion,
    verdict: { passed: true, metric: 'accuracy', value: 0.9767, threshold: 0.7, reasons: ['accuracy 0.9767 is at least 0.7'] },
    version: 3, reasons: ['Better than the champion, version 2: accuracy 0.9767 over 0.9701'],
    createdAtMs: start, updatedAtMs: start + 3_000, endedAtMs: start + 2_870, traceId: 'd'.repeat(32), publishedToServingMs: 3_120, backend: 'cpu',
  }),
  Run.fromPartial({
    runId: runIds.rejected, model: 'diabetes', state: RunState.RUN_STATE_REJECTED, plan: { ...plan(runIds.rejected), model: 'diabetes', datasetName: 'diabetes' },
    jobs: jobs(6), metrics: { rmse: { mean: 61.2, std: 4.1 }, r2: { mean: 0.41, std: 0.06 } },
    verdict: { passed: false, metric: 'rmse', value: 61.2, threshold: 55, reasons: ['rmse 61.2 is above 55'] },
    reasons: ['rmse 61.2 is above 55'], createdAtMs: start - 900_000, updatedAtMs: start - 890_000, endedAtMs: start - 890_000, traceId: 'e'.repeat(32), backend: 'wasm',
  }),
  Run.fromPartial({
    runId: runIds.failed, model: 'churn', state: RunState.RUN_STATE_FAILED, plan: { ...plan(runIds.failed), model: 'churn', datasetName: 'churn' }, jobs: jobs(1),
    code: 'RK_TRAIN_DIVERGED', message: `Fold 2: the loss is not finite after epoch 7 ${hostile}`,
    createdAtMs: start - 7_200_000, updatedAtMs: start - 7_100_000, endedAtMs: start - 7_190_000, traceId: 'f'.repeat(32),
  }),
];
const version = (number: number, aliases: string[]): ModelVersion =>
  ModelVersion.fromPartial({
    model: 'penguins', version: number, runId: runIds.promoted, signature, metrics, confusion, inputExample: input, aliases,
    package: { sha256: sha('1'), bytes: 9_812, mediaType: 'x' }, createdAtMs: start - (3 - number) * 86_400_000,
    lineage: {
      runId: runIds.promoted, requestEventId: 'dataset-ready-1', datasetId: 'ds-1', datasetName: 'penguins', datasetVersion: number, datasetSha256: sha('a'),
      sourceUri: 'file:///data/penguins.csv', folds: 5, stratified: true, seed: 42, modelSpec, environment, traceId: 'd'.repeat(32), request: { name: 'penguins' },
    },
    folds: [{ fold: 0, metrics: { accuracy: 0.97 }, rows: 69 }],
    refusals: number === 2 ? [{ model: 'penguins', version: 2, stage: 3, code: 'RK_MODEL_WARMUP', reasons: ['golden row 3 differs by 0.2'], replica: 'host-b/77' }] : [],
  });
const model = Model.fromPartial({
  name: 'penguins', aliases: [{ alias: 'champion', version: 3, revision: 3 }, { alias: 'candidate', version: 2, revision: 1 }], latestVersion: 3, versions: 3,
  createdAtMs: start - 3 * 86_400_000, updatedAtMs: start,
});
const datasets = [
  Dataset.fromPartial({
    datasetId: 'ds-1', name: 'penguins', version: 2, state: 'ingested', artifact: { sha256: sha('a'), bytes: 21_504, mediaType: 'x' }, rows: 344,
    columns: features.map(({ name, type }) => ({ name, type, missing: name === 'sex' ? 11 : 0 })), uri: 'file:///data/penguins.csv', sourceSha256: sha('9'),
    createdAtMs: start, requestEventId: 'dataset-ready-1', runId: runIds.promoted,
  }),
  Dataset.fromPartial({
    datasetId: 'ds-2', name: hostile, state: 'rejected', uri: `file:///data/${hostile}.csv`, createdAtMs: start - 5_000, requestEventId: 'dataset-ready-2',
    runId: 'run-00000000000000e5', code: 'RK_DATASET_TARGET_MISSING', message: `There is no column "${hostile}"; the columns are a, b, c`,
  }),
];
const profile = {
  rows: 344,
  columns: [
    { name: 'island', type: 'categorical', rows: 344, count: 344, missing: 0, missingShare: 0, distinct: 3, constant: false, allMissing: false,
      top: [{ category: 'Biscoe', count: 168, share: 0.488 }, { category: 'Dream', count: 124, share: 0.36 }, { category: hostile, count: 52, share: 0.151 }] },
    { name: 'body_mass_g', type: 'numeric', rows: 344, count: 342, missing: 2, missingShare: 0.0058, distinct: 94, constant: false, allMissing: false,
      min: 2700, max: 6300, mean: 4201.75, populationStd: 800.8, sampleStd: 801.95, quantiles: null,
      histogram: { edges: [2700, 3060, 3420, 3780, 4140, 4500, 4860, 5220, 5580, 5940, 6300], counts: [10, 45, 70, 60, 40, 35, 32, 22, 20, 8] }, infinite: 0 },
    { name: hostile, type: 'text', rows: 344, count: 344, missing: 0, missingShare: 0, distinct: 344, constant: false, allMissing: false, top: [] },
  ],
};
const report = (id: string, drifted: boolean): MonitorReported =>
  MonitorReported.fromPartial({
    reportId: id, model: 'penguins', version: 3, trigger: drifted ? 'count' : 'on_demand', windowStartMs: start, windowEndMs: start + 600_000, predictions: 200, labelled: 50,
    columns: features.map(({ name, type }, index) => ({
      name, role: 'feature', type, status: index === 5 ? 'insufficient' : 'ok', message: index === 5 ? 'fewer than 10 values' : '',
      method: type === ColumnType.COLUMN_TYPE_NUMERIC ? 'ks' : 'chi2', score: drifted ? 0.0004 : 0.41, threshold: 0.05, drifted: drifted && index < 4,
      referenceRows: 344, currentRows: 200, missingShare: index === 3 ? 0.12 : 0, referenceMissingShare: 0.006, outOfRangeShare: index === 1 ? 0.08 : 0,
      newCategories: index === 0 ? { [hostile]: 7 } : {},
    })),
    datasetDrift: { drifted, driftedColumns: drifted ? 4 : 0, testedColumns: 6, share: drifted ? 0.67 : 0, threshold: 0.5 },
    quality: { accuracy: 0.92 }, baseline: { accuracy: 0.9767 }, dropped: 3, alerts: drifted ? ['4 of 6 columns drifted', `island has a new category ${hostile}`] : [],
  });

/** A whole system in memory, with one of everything and a hostile string wherever one can come from outside. */
export function fakeSystem(): SystemData & { reportsAsked: unknown[] } {
  const reportsAsked: unknown[] = [];
  return {
    reportsAsked,
    runs: async ({ model: name = '', limit = 100, offset = 0 } = {}) => runs.filter((run) => name === '' || run.model === name).slice(offset, offset + limit),
    run: async (runId) => {
      const found = runs.find((run) => run.runId === runId);
      if (!found) throw new TerminalError('RK_RUN_NOT_FOUND', `there is no run "${runId}"`);
      return found;
    },
    models: async () => [model],
    model: async (name) => {
      if (name !== 'penguins') throw new TerminalError('RK_MODEL_NOT_FOUND', `there is no model "${name}"`);
      return { model, versions: [version(3, ['champion']), version(2, ['candidate']), version(1, [])] };
    },
    aliasHistory: async () => [
      AliasChange.fromPartial({ revision: 1, version: 1, actor: 'gate', reasons: ['First version that passed the gate'], timeMs: start - 86_400_000, runId: runIds.promoted }),
      AliasChange.fromPartial({ revision: 2, version: 3, previousVersion: 1, actor: hostile, reasons: [`Better ${hostile}`], timeMs: start, runId: runIds.promoted }),
    ],
    datasets: async () => datasets,
    dataset: async (name) => {
      const dataset = datasets.find((item) => item.name === name && item.state === 'ingested');
      if (!dataset) throw new TerminalError('RK_DATASET_NOT_FOUND', `There is no data set with the name ${name}`);
      return { dataset, profileJson: JSON.stringify(profile) };
    },
    monitored: async () => [MonitoredModel.fromPartial({ model: 'penguins', version: 3, captured: 1204, labelled: 50, dropped: 3, lostBatches: 0, waitingLabels: 2, lastReportId: 'report-2' })],
    reports: async () => [report('report-2', true), report('report-1', false)],
    report: async (request) => {
      reportsAsked.push(request);
      return report('report-3', false);
    },
    predictions: async () =>
      ['Adelie', 'Gentoo'].map((label, index) =>
        StoredPrediction.fromPartial({
          predictionId: `01hzy-${index}`, model: 'penguins', version: 3, timeMs: start + index, row: input, label, outputs: [0.95, 0.03, 0.02],
          ...(index === 0 ? { truth: 'Adelie' } : {}),
        }),
      ),
    served: async () =>
      ListServedModelsResponse.fromPartial({
        models: [{ model: 'penguins', version: 3, aliasRevision: 3, signature, inputExample: input, engine: 'compiled', backend: 'cpu', loadedAtMs: start + 3_000, predictions: 1204, tensors: 0 }],
        replica: 'host-a/4712',
        capture: { captured: 1204, dropped: 3, published: 1201, buffered: 0 },
      }),
  };
}
