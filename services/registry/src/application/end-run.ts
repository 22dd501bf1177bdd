import { derivedEventId, events, isKey } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { EndPart, RunDocument } from '../domain/run-document.js';
import type { RunFailure } from '../domain/run-failure.js';
import { firstTerminalState, isTerminal } from '../domain/run-state.js';
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
): Promise<boolean> {
  const { matched } = await registry.collections.runs.updateOne(
    { _id: runId, state: { $lt: firstTerminalState }, ...condition },
    {
      $max: { state, updatedAtMs: end.timeMs },
      $min: { createdAtMs: end.timeMs },
      $set: { end },
      ...(announcements.length > 0 ? { $push: { outbox: { $each: [...announcements] } } } : {}),
    },
  );
  if (matched > 0) registry.changes.notify(runId);
  return matched > 0;
}

/**
 * Marks a run failed and emits `run.failed` once, unless the run has ended or is being decided (its evaluation was
 * complete, so nothing is missing). `announce` is false where the failure came as that event itself.
 */
export async function failRun(
  registry: Registry,
  failure: RunFailure,
  cause: EventMeta,
  announce = true,
): Promise<boolean> {
  const { runs } = registry.collections;
  const timeMs = cause.time.getTime();
  const run = await knownRun(registry, failure, timeMs);
  const model = run?.model ?? failure.model;
  let ended = false;
  if (run && !isTerminal(run.state) && run.claimed !== true) {
    const entry = registry.outbox.entry(
      events.runFailed,
      failure.runId,
      { ...failure, model },
      { id: derivedEventId(events.runFailed.type, failure.runId), cause, timeMs },
    );
    ended = await endRun(
      registry,
      failure.runId,
      RunState.RUN_STATE_FAILED,
      failedEnd(failure, timeMs),
      announce && isKey(failure.runId) ? [entry] : [],
      { claimed: { $exists: false } },
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
