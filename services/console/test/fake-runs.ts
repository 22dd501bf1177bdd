import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';
import { Run, RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { AttemptStatus, GetSearchResponse, SearchState } from '@rookery/proto/rookery/transform/v1/transform';

/** What a file that wishes ill may hold. */
export const hostile = `<img src=x onerror="globalThis.pwned=1">`;

export const runIds = {
  promoted: 'run-00000000000000a1',
  training: 'run-00000000000000b2',
  failed: 'run-00000000000000c3',
  rejected: 'run-00000000000000d4',
  cancelled: 'run-00000000000000e5',
  searching: 'run-00000000000000f6',
  tagged: 'run-00000000000000a7',
} as const;

export const sha = (digit: string): string => digit.repeat(64);
const classes = ['Adelie', 'Chinstrap', 'Gentoo'];
export const features = [
  { name: 'island', type: ColumnType.COLUMN_TYPE_CATEGORICAL, categories: ['Biscoe', 'Dream', hostile] },
  ...['culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm', 'body_mass_g'].map((name) => ({
    name,
    type: ColumnType.COLUMN_TYPE_NUMERIC,
    categories: [],
  })),
  { name: 'sex', type: ColumnType.COLUMN_TYPE_CATEGORICAL, categories: ['FEMALE', 'MALE'] },
];
export const signature = { features, target: 'species', task: Task.TASK_MULTICLASS, classes };
/** Code of users that has a part in each run. */
export const plugins = [
  { name: 'rookery-plugin-tfidf', version: '1.0.0', sha256: sha('7') },
  { name: 'knn', version: hostile, sha256: sha('8') },
];
export const modelSpec = {
  layers: [{ type: 'dense', units: 10, activation: 'relu' }],
  optimizer: { name: 'sgd', learningRate: 0.01 },
};
export const environment = {
  backend: 'cpu',
  engine: 'tfjs',
  engineVersion: '4.22.0',
  codeVersion: '0.1.0',
  nodeVersion: 'v20.20.0',
  platform: 'linux-x64',
  worker: 'host-a/4711/2',
};
export const input = {
  values: {
    island: { kind: { $case: 'text' as const, value: 'Biscoe' } },
    culmen_length_mm: { kind: { $case: 'number' as const, value: 45.2 } },
    culmen_depth_mm: { kind: { $case: 'number' as const, value: 14.8 } },
    flipper_length_mm: { kind: { $case: 'number' as const, value: 212 } },
    body_mass_g: { kind: { $case: 'number' as const, value: 5200 } },
    sex: { kind: undefined },
  },
};
const loss = (epochs: number): number[] =>
  Array.from({ length: epochs }, (_, i) => 1.1 * Math.exp(-i / 14) + 0.05);
const accuracy = (epochs: number): number[] =>
  Array.from({ length: epochs }, (_, i) => 1 - 0.65 * Math.exp(-i / 10));
export const metrics = {
  accuracy: { mean: 0.9767, std: 0.0132 },
  f1_macro: { mean: 0.9712, std: 0.0161 },
  log_loss: { mean: 0.1043, std: 0.021 },
};
export const confusion = { classes, counts: [150, 2, 0, 3, 65, 0, 0, 0, 124] };
export const start = Date.UTC(2026, 2, 14, 9, 26, 53);

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
  plugins,
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
        ...(fold === 5
          ? {}
          : {
              result: {
                fold,
                metrics: { accuracy: 0.96 + fold * 0.008, f1_macro: 0.95, log_loss: 0.1 },
                rows: 69,
              },
            }),
        trained: { sha256: sha('b'), bytes: 4096, mediaType: 'x' },
      }
    : {}),
});
/** Of a model that is a plug-in: it tells of no epochs. */
const pluginSpec = { plugin: { name: 'knn', version: '1.0.0', sha256: sha('8') }, options: { k: 3 } };
const pluginEnvironment = {
  ...environment,
  backend: 'plugin',
  engine: 'knn',
  engineVersion: `1.0.0 ${sha('8')}`,
};
const jobs = (done: number): object[] => [0, 1, 2, 3, 4, 5].map((fold) => job(fold, fold < done));

/** A search by successive halving on its way: one trial got to the second rung, one diverged. */
export const search = GetSearchResponse.fromPartial({
  search: {
    searchId: runIds.searching,
    model: 'penguins',
    strategy: 'asha',
    trials: 9,
    folds: 5,
    rungs: [10, 30],
    eta: 3,
    metric: 'log_loss',
  },
  state: SearchState.SEARCH_STATE_RUNNING,
  lowerIsBetter: true,
  attempts: [0.51, 0.33, undefined, 0.44, undefined].map((score, trial) => ({
    trial,
    rung: 0,
    epochs: 10,
    status:
      score !== undefined
        ? AttemptStatus.ATTEMPT_STATUS_SCORED
        : trial === 2
          ? AttemptStatus.ATTEMPT_STATUS_FAILED
          : AttemptStatus.ATTEMPT_STATUS_RUNNING,
    score,
    point: { 'optimizer.learningRate': 0.0123456 * (trial + 1), 'layers.0.activation': hostile },
    ...(trial === 2 ? { code: 'RK_TRAIN_DIVERGED', message: `fold 1: ${hostile}` } : {}),
  })),
});
search.attempts.push({ ...search.attempts[1]!, rung: 1, epochs: 30, score: 0.21 });

export const runs = [
  Run.fromPartial({
    runId: runIds.training,
    model: 'penguins',
    state: RunState.RUN_STATE_TRAINING,
    plan: plan(runIds.training),
    jobs: jobs(2),
    createdAtMs: start + 60_000,
    updatedAtMs: start + 61_000,
    traceId: 'c'.repeat(32),
    backend: 'cpu',
  }),
  Run.fromPartial({
    runId: runIds.promoted,
    model: 'penguins',
    state: RunState.RUN_STATE_PROMOTED,
    plan: plan(runIds.promoted),
    jobs: jobs(6),
    metrics,
    confusion,
    verdict: {
      passed: true,
      metric: 'accuracy',
      value: 0.9767,
      threshold: 0.7,
      reasons: ['accuracy 0.9767 is at least 0.7'],
    },
    version: 3,
    reasons: ['Better than the champion, version 2: accuracy 0.9767 over 0.9701'],
    createdAtMs: start,
    updatedAtMs: start + 3_000,
    endedAtMs: start + 2_870,
    traceId: 'd'.repeat(32),
    publishedToServingMs: 3_120,
    backend: 'cpu',
  }),
  Run.fromPartial({
    runId: runIds.tagged,
    model: 'topics',
    state: RunState.RUN_STATE_PROMOTED,
    plan: { ...plan(runIds.tagged), model: 'topics', datasetName: 'topics' },
    jobs: jobs(6),
    metrics: { f1_micro: { mean: 0.71, std: 0.02 }, f1_of_health: { mean: 0.8, std: 0.1 } },
    labelConfusions: [
      { label: 'health', trueNegatives: 417, falsePositives: 25, falseNegatives: 141, truePositives: 17 },
      { label: hostile, trueNegatives: 600, falsePositives: 0, falseNegatives: 0, truePositives: 0 },
    ],
    verdict: { passed: true, metric: 'f1_micro', value: 0.71, reasons: ['the gate has no threshold'] },
    version: 1,
    createdAtMs: start - 800_000,
    updatedAtMs: start - 790_000,
    endedAtMs: start - 790_000,
    traceId: 'a'.repeat(32),
    backend: 'cpu',
  }),
  Run.fromPartial({
    runId: runIds.rejected,
    model: 'diabetes',
    state: RunState.RUN_STATE_REJECTED,
    plan: { ...plan(runIds.rejected), model: 'diabetes', datasetName: 'diabetes', modelSpec: pluginSpec },
    jobs: jobs(6).map((done) => ({ ...done, environment: pluginEnvironment, history: { loss: [] } })),
    metrics: { rmse: { mean: 61.2, std: 4.1 }, r2: { mean: 0.41, std: 0.06 } },
    verdict: {
      passed: false,
      metric: 'rmse',
      value: 61.2,
      threshold: 55,
      reasons: ['rmse 61.2 is above 55'],
    },
    reasons: ['rmse 61.2 is above 55'],
    createdAtMs: start - 900_000,
    updatedAtMs: start - 890_000,
    endedAtMs: start - 890_000,
    traceId: 'e'.repeat(32),
    backend: 'plugin',
  }),
  Run.fromPartial({
    runId: runIds.failed,
    model: 'churn',
    state: RunState.RUN_STATE_FAILED,
    plan: { ...plan(runIds.failed), model: 'churn', datasetName: 'churn' },
    jobs: jobs(1),
    code: 'RK_TRAIN_DIVERGED',
    message: `Fold 2: the loss is not finite after epoch 7 ${hostile}`,
    createdAtMs: start - 7_200_000,
    updatedAtMs: start - 7_100_000,
    endedAtMs: start - 7_190_000,
    traceId: 'f'.repeat(32),
  }),
  Run.fromPartial({
    runId: runIds.cancelled,
    model: 'wrong-file',
    state: RunState.RUN_STATE_CANCELLED,
    plan: { ...plan(runIds.cancelled), model: 'wrong-file', datasetName: 'wrong-file' },
    jobs: jobs(2),
    code: 'RK_RUN_CANCELLED',
    message: `cancelled by console: ${hostile}`,
    reasons: [`cancelled by console: ${hostile}`],
    createdAtMs: start - 9_200_000,
    updatedAtMs: start - 9_100_000,
    endedAtMs: start - 9_190_000,
    attempt: 2,
    changes: [
      {
        kind: 'failed',
        attempt: 1,
        timeMs: start - 9_199_000,
        code: 'RK_ARTIFACT_NOT_FOUND',
        message: 'fold 2: the bundle is gone',
      },
      { kind: 'resumed', attempt: 2, timeMs: start - 9_195_000, actor: 'cli:ada', reason: 'restored it' },
      { kind: 'cancelled', attempt: 2, timeMs: start - 9_190_000, actor: 'console', reason: hostile },
    ],
  }),
  Run.fromPartial({
    runId: runIds.searching,
    model: 'penguins',
    state: RunState.RUN_STATE_TRAINING,
    createdAtMs: start - 9_300_000,
    updatedAtMs: start - 9_290_000,
    traceId: 'a'.repeat(32),
  }),
];
