import {
  DatasetIngested,
  DatasetReady,
  DatasetRejected,
  LabelReceived,
} from '@rookery/proto/rookery/events/v1/dataset';
import {
  InferenceSwapped,
  ModelAliased,
  ModelPromoted,
  ModelRegistered,
  ModelRejected,
  ModelRolledBack,
} from '@rookery/proto/rookery/events/v1/model';
import {
  DeadLetter,
  DriftDetected,
  MonitorReported,
  PredictionsCaptured,
} from '@rookery/proto/rookery/events/v1/monitoring';
import {
  FoldEvaluated,
  FoldJob,
  FoldProgress,
  FoldReproduced,
  FoldTrained,
  RunCancelled,
  RunCompleted,
  RunEvaluated,
  RunFailed,
  RunReproduced,
  RunReproducing,
  RunResumed,
  RunStarted,
} from '@rookery/proto/rookery/events/v1/run';

import {
  SearchCompleted,
  SearchStarted,
  TrialEvaluated,
  TrialFailed,
  TrialStarted,
} from '@rookery/proto/rookery/events/v1/search';

import { defineEvent } from './event-type.js';
import { expandShortNames } from './short-names.js';

const messageName = (name: string): string => `rookery.events.v1.${name}`;

/** All events: the only place that spells their subjects. The key is named behind each. */
export const events = {
  /** No key: `nats pub ml.dataset.ready '{…}'` from any client starts a run. */
  datasetReady: defineEvent<DatasetReady>({
    type: 'ml.dataset.ready',
    message: DatasetReady,
    messageName: messageName('DatasetReady'),
    keyed: false,
    strict: true,
    prepare: expandShortNames,
  }),
  /** Key: data set name. */
  datasetIngested: defineEvent<DatasetIngested>({
    type: 'ml.dataset.ingested',
    message: DatasetIngested,
    messageName: messageName('DatasetIngested'),
    required: ['requestEventId'],
    keys: ['datasetId'],
  }),
  /** Key: data set name where it is a valid key, else `unnamed`. */
  datasetRejected: defineEvent<DatasetRejected>({
    type: 'ml.dataset.rejected',
    message: DatasetRejected,
    messageName: messageName('DatasetRejected'),
  }),
  /** Key: run id. */
  runStarted: defineEvent<RunStarted>({
    type: 'ml.run.started',
    message: RunStarted,
    messageName: messageName('RunStarted'),
    keys: ['runId'],
  }),
  /** Key: job key; of a reproduction, its id in place of the run's. */
  foldJob: defineEvent<FoldJob>({
    type: 'ml.job.fold',
    message: FoldJob,
    messageName: messageName('FoldJob'),
    keys: ['runId'],
    stream: 'ML_JOBS',
  }),
  /** Key: run id. */
  foldTrained: defineEvent<FoldTrained>({
    type: 'ml.fold.trained',
    message: FoldTrained,
    messageName: messageName('FoldTrained'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  foldEvaluated: defineEvent<FoldEvaluated>({
    type: 'ml.fold.evaluated',
    message: FoldEvaluated,
    messageName: messageName('FoldEvaluated'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  runEvaluated: defineEvent<RunEvaluated>({
    type: 'ml.run.evaluated',
    message: RunEvaluated,
    messageName: messageName('RunEvaluated'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  runCompleted: defineEvent<RunCompleted>({
    type: 'ml.run.completed',
    message: RunCompleted,
    messageName: messageName('RunCompleted'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  runFailed: defineEvent<RunFailed>({
    type: 'ml.run.failed',
    message: RunFailed,
    messageName: messageName('RunFailed'),
    keys: ['runId'],
  }),
  /** Key: search id, which is a run id. */
  searchStarted: defineEvent<SearchStarted>({
    type: 'ml.search.started',
    message: SearchStarted,
    messageName: messageName('SearchStarted'),
    keys: ['searchId'],
  }),
  /** Key: search id. */
  trialStarted: defineEvent<TrialStarted>({
    type: 'ml.trial.started',
    message: TrialStarted,
    messageName: messageName('TrialStarted'),
    keys: ['runId'],
  }),
  /** Key: search id. */
  trialEvaluated: defineEvent<TrialEvaluated>({
    type: 'ml.trial.evaluated',
    message: TrialEvaluated,
    messageName: messageName('TrialEvaluated'),
    keys: ['runId'],
  }),
  /** Key: search id. */
  trialFailed: defineEvent<TrialFailed>({
    type: 'ml.trial.failed',
    message: TrialFailed,
    messageName: messageName('TrialFailed'),
    keys: ['runId'],
  }),
  /** Key: search id. */
  searchCompleted: defineEvent<SearchCompleted>({
    type: 'ml.search.completed',
    message: SearchCompleted,
    messageName: messageName('SearchCompleted'),
    keys: ['searchId'],
  }),
  /** Key: run id. */
  runResumed: defineEvent<RunResumed>({
    type: 'ml.run.resumed',
    message: RunResumed,
    messageName: messageName('RunResumed'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  runCancelled: defineEvent<RunCancelled>({
    type: 'ml.run.cancelled',
    message: RunCancelled,
    messageName: messageName('RunCancelled'),
    keys: ['runId'],
  }),
  /** Key: run id. */
  runReproducing: defineEvent<RunReproducing>({
    type: 'ml.run.reproducing',
    message: RunReproducing,
    messageName: messageName('RunReproducing'),
    keys: ['reproductionId', 'runId'],
  }),
  /** Key: run id. */
  foldReproduced: defineEvent<FoldReproduced>({
    type: 'ml.fold.reproduced',
    message: FoldReproduced,
    messageName: messageName('FoldReproduced'),
    keys: ['reproductionId', 'runId'],
  }),
  /** Key: run id. */
  runReproduced: defineEvent<RunReproduced>({
    type: 'ml.run.reproduced',
    message: RunReproduced,
    messageName: messageName('RunReproduced'),
    keys: ['reproductionId', 'runId'],
  }),
  /** Key: model name. */
  modelRegistered: defineEvent<ModelRegistered>({
    type: 'ml.model.registered',
    message: ModelRegistered,
    messageName: messageName('ModelRegistered'),
    keys: ['model'],
  }),
  /** Key: model name. */
  modelPromoted: defineEvent<ModelPromoted>({
    type: 'ml.model.promoted',
    message: ModelPromoted,
    messageName: messageName('ModelPromoted'),
    keys: ['model'],
  }),
  /** Key: model name. */
  modelRejected: defineEvent<ModelRejected>({
    type: 'ml.model.rejected',
    message: ModelRejected,
    messageName: messageName('ModelRejected'),
    keys: ['model'],
  }),
  /** Key: model name. */
  modelRolledBack: defineEvent<ModelRolledBack>({
    type: 'ml.model.rolledback',
    message: ModelRolledBack,
    messageName: messageName('ModelRolledBack'),
    keys: ['model'],
  }),
  /** Key: model name. */
  modelAliased: defineEvent<ModelAliased>({
    type: 'ml.model.aliased',
    message: ModelAliased,
    messageName: messageName('ModelAliased'),
    keys: ['model'],
  }),
  /** Key: model name. */
  inferenceSwapped: defineEvent<InferenceSwapped>({
    type: 'ml.inference.swapped',
    message: InferenceSwapped,
    messageName: messageName('InferenceSwapped'),
    keys: ['model'],
  }),
  /** Key: model name. */
  predictionCaptured: defineEvent<PredictionsCaptured>({
    type: 'ml.prediction.captured',
    message: PredictionsCaptured,
    messageName: messageName('PredictionsCaptured'),
    keys: ['model'],
    stream: 'ML_CAPTURES',
    encoding: 'protobuf',
  }),
  /** Key: anything, such as the model name; by users as well. */
  labelReceived: defineEvent<LabelReceived>({
    type: 'ml.label.received',
    message: LabelReceived,
    messageName: messageName('LabelReceived'),
    strict: true,
  }),
  /** Key: model name. */
  monitorReported: defineEvent<MonitorReported>({
    type: 'ml.monitor.reported',
    message: MonitorReported,
    messageName: messageName('MonitorReported'),
  }),
  /** Key: model name. */
  driftDetected: defineEvent<DriftDetected>({
    type: 'ml.drift.detected',
    message: DriftDetected,
    messageName: messageName('DriftDetected'),
  }),
  /** Key: durable name of the consumer that gave up. */
  deadLetter: defineEvent<DeadLetter>({
    type: 'ml.dlq',
    message: DeadLetter,
    messageName: messageName('DeadLetter'),
    stream: 'ML_DLQ',
    encoding: 'protobuf',
  }),
} as const;

/** Name of an event in the table. */
export type EventName = keyof typeof events;

/** Core NATS subject of live progress; not stored. `*` watches every run. */
export function progressSubject(runId: string): string {
  return `ml.progress.${runId}`;
}

/** Message of {@link progressSubject}. */
export const progressMessage = FoldProgress;
