import { taskFromProto } from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import type {
  ConfusionMatrix,
  LabelConfusion,
  GateVerdict,
  PluginRef,
  TrainingEnvironment,
} from '@rookery/proto/rookery/domain/v1/data';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run, RunChange, RunJob } from '@rookery/proto/rookery/registry/v1/registry';

import { hintOf } from './error-view.js';
import type { JobCurve } from './progress-book.js';
import { environmentView, headlineMetric, metricsView, signatureView } from './signature-view.js';
import type { NamedMetric, SignatureView } from './signature-view.js';

/** State of a run, in a word. */
export type RunStateName =
  'training' | 'evaluated' | 'promoted' | 'rejected' | 'failed' | 'cancelled' | 'unknown';

const states: Readonly<Record<number, RunStateName>> = {
  [RunState.RUN_STATE_TRAINING]: 'training',
  [RunState.RUN_STATE_EVALUATED]: 'evaluated',
  [RunState.RUN_STATE_PROMOTED]: 'promoted',
  [RunState.RUN_STATE_REJECTED]: 'rejected',
  [RunState.RUN_STATE_FAILED]: 'failed',
  [RunState.RUN_STATE_CANCELLED]: 'cancelled',
};

/** A run in a list. Times are milliseconds since the epoch; null where there is nothing (yet). */
export interface RunSummaryView {
  readonly runId: string;
  readonly model: string;
  readonly state: RunStateName;
  readonly metric: NamedMetric | null;
  readonly version: number | null;
  readonly dataset: { readonly name: string; readonly version: number } | null;
  readonly jobs: { readonly done: number; readonly total: number };
  readonly createdAtMs: number;
  readonly endedAtMs: number | null;
  readonly publishedToServingMs: number | null;
  readonly backend: string;
  readonly traceId: string;
  readonly code: string;
}

/** One fold, or the final model, of a run. */
export interface RunJobView {
  readonly fold: number;
  readonly final: boolean;
  readonly state: string;
  /** Stored curve; null until the job is trained. */
  readonly history: {
    readonly loss: readonly number[];
    readonly metricName: string;
    readonly metric: readonly number[];
    /** Epochs of the curves' values; empty: every one. */
    readonly epochs: readonly number[];
    /** Of the rows held out by a validation split; empty without one. */
    readonly valLoss: readonly number[];
    readonly valMetric: readonly number[];
    readonly epochsRun: number;
    /** The epoch whose weights are the result; 0 where it is not known. */
    readonly bestEpoch: number;
    /** The epoch at which early stopping ended the fit; 0 where it did not. */
    readonly stoppedEpoch: number;
  } | null;
  /** What was reported live so far, by the console's own watch; null where it saw nothing. */
  readonly live: JobCurve | null;
  readonly durationMs: number | null;
  readonly rows: number | null;
  readonly metrics: Readonly<Record<string, number>>;
  readonly worker: string;
  readonly trainedSha256: string;
}

/** A run with everything known of it. */
export interface RunDetailView extends RunSummaryView {
  readonly task: TaskName | '';
  readonly plan: {
    readonly datasetId: string;
    readonly datasetSha256: string;
    readonly rows: number;
    readonly target: string;
    readonly folds: number;
    readonly stratified: boolean;
    readonly seed: number;
    readonly gate: {
      readonly metric: string;
      readonly threshold: number | null;
      readonly allowWorseThanChampion: boolean;
    } | null;
    readonly modelSpec: unknown;
    /** Code of users that has a part in it: transforms, then the model. */
    readonly plugins: readonly PluginRef[];
    readonly requestEventId: string;
    readonly requestedAtMs: number;
    readonly codeVersion: string;
    readonly tags: Readonly<Record<string, string>>;
    readonly signature: SignatureView | null;
  } | null;
  readonly folds: readonly RunJobView[];
  readonly metrics: readonly NamedMetric[];
  readonly confusion: ConfusionMatrix | null;
  /** Multi-label: counts of each label; empty for any other task. */
  readonly labelConfusions: readonly LabelConfusion[];
  readonly verdict: (Omit<GateVerdict, 'threshold'> & { readonly threshold: number | null }) | null;
  readonly reasons: readonly string[];
  readonly message: string;
  readonly hint: string;
  readonly environment: TrainingEnvironment | null;
  /** 1 at first, one more with every resumption. */
  readonly attempt: number;
  /** How earlier attempts ended, who resumed or cancelled; the oldest first. */
  readonly changes: readonly RunChange[];
}

/** A run as the list shows it. */
export function runSummaryView(run: Run): RunSummaryView {
  const name = headlineMetric(run.metrics, run.verdict?.metric ?? run.plan?.gate?.metric ?? '');
  return {
    runId: run.runId,
    model: run.model,
    state: states[run.state] ?? 'unknown',
    metric: metricsView(run.metrics, name).find((metric) => metric.name === name) ?? null,
    version: run.version || null,
    dataset: run.plan ? { name: run.plan.datasetName, version: run.plan.datasetVersion } : null,
    jobs: { done: run.jobs.filter((job) => job.state !== 'queued').length, total: run.jobs.length },
    createdAtMs: run.plan?.requestedAtMs || run.createdAtMs,
    endedAtMs: run.endedAtMs || null,
    publishedToServingMs: run.publishedToServingMs || null,
    backend: run.backend,
    traceId: run.traceId,
    code: run.code,
  };
}

/** A run with everything known; `live` finds the curve that was watched for a job, by fold. */
export function runDetailView(run: Run, live: (fold: number) => JobCurve | null): RunDetailView {
  const summary = runSummaryView(run);
  const plan = run.plan;
  return {
    ...summary,
    task: plan ? (taskFromProto(plan.task) ?? '') : '',
    plan: plan
      ? {
          datasetId: plan.datasetId,
          datasetSha256: plan.dataset?.sha256 ?? '',
          rows: plan.rows,
          target: plan.target,
          folds: plan.folds,
          stratified: plan.stratified,
          seed: plan.seed,
          gate: plan.gate
            ? {
                metric: plan.gate.metric,
                threshold: plan.gate.threshold ?? null,
                allowWorseThanChampion: plan.gate.allowWorseThanChampion,
              }
            : null,
          modelSpec: plan.modelSpec ?? null,
          plugins: plan.plugins,
          requestEventId: plan.requestEventId,
          requestedAtMs: plan.requestedAtMs,
          codeVersion: plan.codeVersion,
          tags: plan.tags,
          signature: signatureView(plan.signature),
        }
      : null,
    folds: run.jobs.map((job) => jobView(job, live(job.fold))),
    metrics: metricsView(run.metrics, summary.metric?.name ?? ''),
    confusion: run.confusion && run.confusion.classes.length > 0 ? run.confusion : null,
    labelConfusions: run.labelConfusions,
    verdict: run.verdict ? { ...run.verdict, threshold: run.verdict.threshold ?? null } : null,
    reasons: run.reasons,
    message: run.message,
    hint: hintOf(run.code),
    environment: environmentView(
      (run.jobs.find((job) => job.final && job.environment) ?? run.jobs.find((job) => job.environment))
        ?.environment,
    ),
    attempt: Math.max(1, run.attempt),
    changes: run.changes,
  };
}

function jobView(job: RunJob, live: JobCurve | null): RunJobView {
  return {
    fold: job.fold,
    final: job.final,
    state: job.state === 'queued' && live ? 'training' : job.state,
    history: job.history ?? null,
    live: job.history ? null : live,
    durationMs: job.durationMs || null,
    rows: job.result?.rows ?? null,
    metrics: job.result?.metrics ?? {},
    worker: job.environment?.worker ?? '',
    trainedSha256: job.trained?.sha256 ?? '',
  };
}
