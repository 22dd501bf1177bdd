import { runIdOf } from '@rookery/contracts';
import type { EventMeta } from '@rookery/bus';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import type { DatasetIngested } from '@rookery/proto/rookery/events/v1/dataset';
import type { InferenceSwapped } from '@rookery/proto/rookery/events/v1/model';
import { RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { FoldEvaluated, FoldTrained, RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Update } from '@rookery/store';

import type { EvaluatedPart, IngestedPart, ResultPart, StartedPart, TrainedPart } from './run-document.js';

/** The part of an event's meta data that a projection reads. */
export type ProjectedMeta = Pick<EventMeta, 'id' | 'time' | 'correlationId' | 'traceparent'>;

/** What one event changes in the document of its run: an upsert that gives the same result however often it is applied. */
export interface Projection {
  runId: string;
  update: Update;
}

/** Trace id of a W3C traceparent, or the empty string. */
export function traceIdOf(traceparent: string | undefined): string {
  return /^[\da-f]{2}-([\da-f]{32})-/.exec(traceparent ?? '')?.[1] ?? '';
}

/** Name of a job within `jobs`. */
export function jobNameOf(fold: number, final: boolean): string {
  return final ? 'final' : `f${fold}`;
}

/** `dataset.ingested`: where the data came from. The run's id follows from the request's. */
export function projectIngested(data: DatasetIngested, meta: ProjectedMeta): Projection {
  const part: IngestedPart = {
    datasetId: data.datasetId,
    datasetName: data.name,
    datasetVersion: data.version,
    datasetSha256: data.artifact?.sha256 ?? '',
    requestEventId: data.requestEventId,
    requestedAtMs: data.requestedAtMs,
    request: data.request ? JSON.stringify(DatasetReady.toJSON(data.request)) : '',
    traceId: traceIdOf(meta.traceparent),
  };
  const model = data.request?.model || data.name;
  return {
    runId: runIdOf(data.requestEventId),
    update: reached(RunState.RUN_STATE_TRAINING, meta, data.requestedAtMs, { ingested: part, model }),
  };
}

/** `run.started`: the plan. */
export function projectStarted(data: RunStarted, meta: ProjectedMeta): Projection {
  const part: StartedPart = {
    plan: JSON.stringify(RunStarted.toJSON(data)),
    traceId: traceIdOf(meta.traceparent),
  };
  return {
    runId: data.runId,
    update: reached(RunState.RUN_STATE_TRAINING, meta, data.requestedAtMs, {
      started: part,
      model: data.model,
    }),
  };
}

/** `fold.trained`: history, environment and duration of one job. Undefined for a trial's: a trial is no run. */
export function projectTrained(data: FoldTrained, meta: ProjectedMeta): Projection | undefined {
  if (data.trial !== undefined) return undefined;
  const part: TrainedPart = {
    fold: data.fold,
    final: data.final,
    history: data.history,
    environment: data.environment,
    durationMs: data.durationMs,
    trained: data.trained,
    traceId: traceIdOf(meta.traceparent),
  };
  return {
    runId: data.runId,
    update: reached(RunState.RUN_STATE_TRAINING, meta, 0, {
      [`jobs.${jobNameOf(data.fold, data.final)}.trained`]: part,
      model: data.model,
    }),
  };
}

/** `fold.evaluated`: metrics of one fold on its held-out rows. Undefined for a trial's. */
export function projectFoldEvaluated(data: FoldEvaluated, meta: ProjectedMeta): Projection | undefined {
  if (data.trial !== undefined) return undefined;
  const result = data.result ?? { fold: 0, metrics: {}, rows: 0 };
  const part: ResultPart = { result, traceId: traceIdOf(meta.traceparent) };
  return {
    runId: data.runId,
    update: reached(RunState.RUN_STATE_TRAINING, meta, 0, {
      [`jobs.${jobNameOf(result.fold, false)}.evaluated`]: part,
    }),
  };
}

/** `run.evaluated`: metrics and the gate's verdict, and all that registration needs. */
export function projectEvaluated(data: RunEvaluated, meta: ProjectedMeta): Projection {
  const part: EvaluatedPart = {
    eventId: meta.id,
    correlationId: meta.correlationId,
    traceparent: meta.traceparent,
    traceId: traceIdOf(meta.traceparent),
    metrics: data.metrics,
    folds: data.folds,
    confusion: data.confusion,
    ...(data.labelConfusions.length > 0 ? { labelConfusions: data.labelConfusions } : {}),
    ...(data.labelThresholds.length > 0 ? { labelThresholds: data.labelThresholds } : {}),
    verdict: data.verdict,
    package: data.package,
    reference: data.reference,
    environment: data.environment,
  };
  return {
    runId: data.runId,
    update: reached(RunState.RUN_STATE_EVALUATED, meta, 0, { evaluated: part, model: data.model }),
  };
}

/**
 * `inference.swapped`: the shortest time from publication to serving of any replica is that of the first swap.
 * Undefined where the swap does not know its run or its time.
 */
export function projectSwapped(data: InferenceSwapped, meta: ProjectedMeta): Projection | undefined {
  if (data.runId === '' || !(data.publishedToServingMs > 0)) return undefined;
  return {
    runId: data.runId,
    update: {
      $min: { servingMs: data.publishedToServingMs, createdAtMs: meta.time.getTime() },
      $max: { updatedAtMs: meta.time.getTime(), state: RunState.RUN_STATE_TRAINING },
      $set: { model: data.model },
    },
  };
}

function reached(
  state: RunState,
  meta: ProjectedMeta,
  requestedAtMs: number,
  parts: Record<string, unknown>,
): Update {
  const timeMs = meta.time.getTime();
  const set = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ''));
  return {
    $set: set,
    $max: { state, updatedAtMs: timeMs },
    $min: { createdAtMs: requestedAtMs > 0 ? Math.min(requestedAtMs, timeMs) : timeMs },
  };
}
