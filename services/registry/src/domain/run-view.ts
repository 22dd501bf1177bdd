import { TrainingHistory } from '@rookery/proto/rookery/domain/v1/data';
import type { TrainingEnvironment } from '@rookery/proto/rookery/domain/v1/data';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { Run } from '@rookery/proto/rookery/registry/v1/registry';
import type { RunJob } from '@rookery/proto/rookery/registry/v1/registry';

import type { JobPart, RunDocument } from './run-document.js';
import { jobNameOf } from './run-projection.js';

/** The plan of a run, where `run.started` has been seen. */
export function planOf(run: RunDocument): RunStarted | undefined {
  return run.started ? RunStarted.fromJSON(JSON.parse(run.started.plan)) : undefined;
}

/** The request that a run began with, where `dataset.ingested` has been seen. */
export function requestOf(run: RunDocument): DatasetReady | undefined {
  const text = run.ingested?.request;
  return text ? DatasetReady.fromJSON(JSON.parse(text)) : undefined;
}

/** The trace of a run: that of the earliest step known. */
export function traceOf(run: RunDocument): string {
  const jobs = Object.values(run.jobs ?? {});
  return (
    run.ingested?.traceId ||
    run.started?.traceId ||
    run.evaluated?.traceId ||
    jobs.map((job) => job.trained?.traceId || job.evaluated?.traceId || '').find((id) => id !== '') ||
    ''
  );
}

/** Environment of the run's training: that of the final model, else of any job. */
export function environmentOf(run: RunDocument): TrainingEnvironment | undefined {
  const jobs = run.jobs ?? {};
  return (
    run.evaluated?.environment ??
    jobs['final']?.trained?.environment ??
    Object.keys(jobs)
      .sort()
      .map((name) => jobs[name]?.trained?.environment)
      .find((environment) => environment !== undefined)
  );
}

/** The run as the API shows it: jobs that are only planned are listed as queued. */
export function runView(run: RunDocument): Run {
  const plan = planOf(run);
  return Run.fromPartial({
    runId: run._id,
    model: run.model ?? '',
    state: run.state,
    ...(plan ? { plan } : {}),
    jobs: jobsOf(run, plan),
    metrics: run.evaluated?.metrics ?? {},
    ...(run.evaluated?.confusion ? { confusion: run.evaluated.confusion } : {}),
    ...(run.evaluated?.labelConfusions ? { labelConfusions: run.evaluated.labelConfusions } : {}),
    ...(run.evaluated?.labelThresholds ? { labelThresholds: run.evaluated.labelThresholds } : {}),
    ...(run.evaluated?.verdict ? { verdict: run.evaluated.verdict } : {}),
    version: run.end?.version ?? 0,
    reasons: run.end?.reasons ?? [],
    code: run.end?.code ?? '',
    message: run.end?.message ?? '',
    createdAtMs: run.createdAtMs,
    updatedAtMs: run.updatedAtMs,
    endedAtMs: run.end?.timeMs ?? 0,
    traceId: traceOf(run),
    publishedToServingMs: run.servingMs ?? 0,
    backend: environmentOf(run)?.backend ?? '',
    attempt: run.attempt ?? 1,
    changes: run.changes ?? [],
  });
}

function jobsOf(run: RunDocument, plan: RunStarted | undefined): RunJob[] {
  const seen = run.jobs ?? {};
  const folds = new Set<number>();
  for (let fold = 0; fold < (plan?.folds ?? 0); fold++) folds.add(fold);
  for (const name of Object.keys(seen)) if (name !== 'final') folds.add(Number(name.slice(1)));
  const ordered = [...folds].sort((a, b) => a - b);
  const jobs = ordered.map((fold) => {
    const view = jobView(fold, false, seen[jobNameOf(fold, false)]);
    const { labelThresholds, folds: judged } = run.evaluated ?? {};
    // A fold alone is evaluated before the thresholds of the labels are tuned.
    return labelThresholds
      ? { ...view, result: judged?.find((one) => one.fold === fold) ?? view.result }
      : view;
  });
  const final = seen['final'];
  if (plan || final) jobs.push(jobView(plan?.folds ?? final?.trained?.fold ?? folds.size, true, final));
  return jobs;
}

function jobView(fold: number, final: boolean, part: JobPart | undefined): RunJob {
  return {
    fold,
    final,
    state: part?.evaluated ? 'evaluated' : part?.trained ? 'trained' : 'queued',
    history: historyOf(part),
    environment: part?.trained?.environment,
    durationMs: part?.trained?.durationMs ?? 0,
    result: part?.evaluated?.result,
    trained: part?.trained?.trained,
  };
}

/** Whole: a document of an earlier release lacks the fields that came later. */
function historyOf(part: JobPart | undefined): TrainingHistory | undefined {
  const history = part?.trained?.history;
  return history && TrainingHistory.fromPartial(history);
}
