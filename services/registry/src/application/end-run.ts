import { attemptParts, derivedEventId, events, isKey } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { EndPart, RunChangePart, RunDocument } from '../domain/run-document.js';
import type { RunFailure } from '../domain/run-failure.js';
import { firstTerminalState, isTerminal } from '../domain/run-state.js';
import { attemptOfRun, inAttempt } from '../domain/run-turns.js';
import type { Registry } from './ports.js';

/**
 * Gives a run its final state together with the events that announce it, in one write; does nothing where it has one.
 * Returns whether it was this call.
 */
export async function endRun(
  registry: Pick<Registry, 'collections' | 'changes'>,
  runId: string,
  state: RunState,
  end: EndPart,
  announcements: readonly OutboxEntry[],
  condition: Readonly<Record<string, unknown>> = {},
  changes: readonly RunChangePart[] = [],
): Promise<boolean> {
  const pushed = {
    ...(announcements.length > 0 ? { outbox: { $each: [...announcements] } } : {}),
    ...(changes.length > 0 ? { changes: { $each: [...changes] } } : {}),
  };
  const { matched } = await registry.collections.runs.updateOne(
    { _id: runId, state: { $lt: firstTerminalState }, ...condition },
    {
      $max: { state, updatedAtMs: end.timeMs },
      $min: { createdAtMs: end.timeMs },
      $set: { end },
      // What the decision needed: it is taken.
      $unset: { claim: true },
      ...(Object.keys(pushed).length > 0 ? { $push: pushed } : {}),
    },
  );
  if (matched > 0) registry.changes.notify(runId);
  return matched > 0;
}

/** A failure, when it happened, and the event that told of it. */
export interface FailureNote {
  failure: RunFailure;
  timeMs: number;
  cause?: EventMeta;
  /** False where the failure came as `run.failed` itself. Default true. */
  announce?: boolean;
}

/** As {@link failRunAt}, for a failure that an event tells of. */
export async function failRun(
  registry: Registry,
  failure: RunFailure,
  cause: EventMeta,
  announce = true,
): Promise<boolean> {
  return failRunAt(registry, { failure, timeMs: cause.time.getTime(), cause, announce });
}

/**
 * Marks a run failed and emits `run.failed` once an attempt, unless the run has ended or is being decided (its evaluation
 * was complete, so nothing is missing). A failure of an earlier attempt changes nothing: what it lacked was done again.
 */
export async function failRunAt(registry: Registry, note: FailureNote): Promise<boolean> {
  const { runs } = registry.collections;
  const { failure, timeMs, cause, announce = true } = note;
  const run = await knownRun(registry, failure, timeMs);
  const model = run?.model ?? failure.model;
  const attempt = attemptOfRun(run);
  let ended = false;
  if (run && !isTerminal(run.state) && run.claimed !== true && failure.runAttempt >= attempt) {
    const entry = registry.outbox.entry(
      events.runFailed,
      failure.runId,
      { ...failure, model, runAttempt: attempt },
      {
        id: derivedEventId(events.runFailed.type, failure.runId, ...attemptParts(attempt)),
        timeMs,
        ...(cause ? { cause } : { correlationId: failure.runId }),
      },
    );
    ended = await endRun(
      registry,
      failure.runId,
      RunState.RUN_STATE_FAILED,
      failedEnd(failure, timeMs),
      announce && isKey(failure.runId) ? [entry] : [],
      { claimed: { $exists: false }, ...inAttempt(attempt) },
    );
    if (ended) registry.logger.warn({ ...failure, model }, 'run failed');
  }
  await registry.outbox.flush(runs, failure.runId);
  return ended;
}

/** The run, made where its failure is the first that is heard of it. */
export function knownRun(
  registry: Pick<Registry, 'collections'>,
  { runId, model }: Pick<RunFailure, 'runId' | 'model'>,
  timeMs: number,
): Promise<RunDocument | null> {
  return registry.collections.runs.findOneAndUpdate(
    { _id: runId },
    {
      $setOnInsert: {
        createdAtMs: timeMs,
        updatedAtMs: timeMs,
        state: RunState.RUN_STATE_TRAINING,
        ...(model === '' ? {} : { model }),
      },
    },
    { upsert: true },
  );
}

/** The end of a failed run. */
export function failedEnd(failure: Pick<RunFailure, 'step' | 'message' | 'code'>, timeMs: number): EndPart {
  const message = `${failure.step}: ${failure.message}`;
  return { version: 0, reasons: [message], code: failure.code, message, timeMs };
}
