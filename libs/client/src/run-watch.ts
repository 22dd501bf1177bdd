import type { Bus, RawEvent, Stop } from '@rookery/bus';
import { decodePayload } from '@rookery/bus';
import { events, runIdOf } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';

import type { RunOutcome, RunStep } from './run-outcome.js';

/** A watch of one run. */
export interface RunWatch {
  readonly runId: string;
  /** Resolves when the run has ended: a replica serves the model, or there will be none. */
  readonly outcome: Promise<RunOutcome>;
  stop(): Promise<void>;
}

/**
 * Follows what becomes of an event, live: start it before publishing, so that nothing is missed. `onStep` is called for
 * every step and every progress report of the run.
 */
export async function watchRun(
  bus: Bus,
  requestEventId: string,
  onStep: (step: RunStep) => void,
): Promise<RunWatch> {
  return watchRunId(bus, runIdOf(requestEventId), onStep);
}

/** As {@link watchRun}, for a run whose id is known. */
export async function watchRunId(
  bus: Bus,
  runId: string,
  onStep: (step: RunStep) => void,
): Promise<RunWatch> {
  const stops: Stop[] = [];
  let settle: (outcome: RunOutcome) => void = () => undefined;
  const outcome = new Promise<RunOutcome>((resolve) => {
    settle = resolve;
  });
  let evaluated: RunEvaluated | undefined;
  const handlers = new Map<string, (event: RawEvent) => void>();
  const on = <T>(type: EventType<T>, handle: (data: T) => void): void => {
    handlers.set(type.type, (event) => {
      handle(decodePayload(type, event.raw));
    });
  };
  on(events.datasetIngested, (data) => {
    if (runIdOf(data.requestEventId) === runId) {
      onStep({ kind: 'ingested', rows: data.rows, columns: data.columns.length, version: data.version });
    }
  });
  on(events.datasetRejected, (rejection) => {
    if (runIdOf(rejection.requestEventId) !== runId) return;
    onStep({ kind: 'dataset-rejected', rejection });
    settle({ state: 'dataset-rejected', runId, rejection });
  });
  let searched = '';
  on(events.searchStarted, (search) => {
    searched = search.metric;
    onStep({ kind: 'search-started', search });
  });
  on(events.trialEvaluated, (trial) => {
    onStep({ kind: 'trial-evaluated', trial, metric: searched });
  });
  on(events.trialFailed, (trial) => {
    onStep({ kind: 'trial-failed', trial });
  });
  on(events.searchCompleted, (search) => {
    onStep({ kind: 'search-completed', search });
  });
  on(events.runStarted, (run) => {
    if (run.runId === runId) onStep({ kind: 'started', run });
  });
  on(events.foldTrained, (trained) => {
    if (trained.runId === runId) onStep({ kind: 'trained', trained });
  });
  on(events.foldEvaluated, ({ runId: id, result }) => {
    if (id === runId && result)
      onStep({ kind: 'fold-evaluated', fold: result.fold, metrics: result.metrics });
  });
  on(events.runEvaluated, (data) => {
    if (data.runId !== runId) return;
    evaluated = data;
    onStep({ kind: 'evaluated', evaluated: data });
  });
  on(events.modelPromoted, (promoted) => {
    if (promoted.runId === runId) onStep({ kind: 'promoted', promoted });
  });
  on(events.modelRejected, (rejection) => {
    if (rejection.runId !== runId) return;
    onStep({ kind: 'model-rejected', rejection });
    // One replica that can't load a model does not end the run: others may serve it.
    if (rejection.stage !== RejectionStage.REJECTION_STAGE_SERVING)
      settle({ state: 'rejected', runId, rejection });
  });
  on(events.runFailed, (failure) => {
    if (failure.runId !== runId) return;
    onStep({ kind: 'failed', failure });
    settle({ state: 'failed', runId, failure });
  });
  on(events.runResumed, (resumed) => {
    if (resumed.runId === runId) onStep({ kind: 'resumed', resumed });
  });
  on(events.runCancelled, (cancelled) => {
    if (cancelled.runId !== runId) return;
    onStep({ kind: 'cancelled', cancelled });
    settle({ state: 'cancelled', runId, cancelled });
  });
  on(events.inferenceSwapped, (swapped) => {
    if (swapped.runId !== runId) return;
    onStep({ kind: 'swapped', swapped });
    settle({ state: 'serving', runId, swapped, evaluated });
  });
  stops.push(
    bus.subscribeProgress(runId, (progress) => {
      onStep({ kind: 'progress', progress });
    }),
  );
  const subjects = [
    events.datasetIngested.filter,
    events.datasetRejected.filter,
    events.searchStarted.subject(runId),
    events.trialEvaluated.subject(runId),
    events.trialFailed.subject(runId),
    events.searchCompleted.subject(runId),
    events.runStarted.subject(runId),
    events.foldTrained.subject(runId),
    events.foldEvaluated.subject(runId),
    events.runEvaluated.subject(runId),
    events.runFailed.subject(runId),
    events.runResumed.subject(runId),
    events.runCancelled.subject(runId),
    events.modelPromoted.filter,
    events.modelRejected.filter,
    events.inferenceSwapped.filter,
  ];
  stops.push(await bus.tail(subjects, (event) => handlers.get(event.type)?.(event)));
  return {
    runId,
    outcome,
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()));
    },
  };
}
