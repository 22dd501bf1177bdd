import {
  attemptParts,
  derivedEventId,
  events,
  requireKey,
  RookeryError,
  TerminalError,
} from '@rookery/contracts';
import type { RunCancelled } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';

import type { RunDocument } from '../domain/run-document.js';
import { isTerminal, stateWord } from '../domain/run-state.js';
import { attemptOfRun, cancellation, inAttempt } from '../domain/run-turns.js';
import { runView } from '../domain/run-view.js';
import { endRun } from './end-run.js';
import type { Registry } from './ports.js';
import { findRun, runNotFound } from './read-runs.js';

const rounds = 50;

/** Who wants a turn in a run's life, and why. */
export interface RunRequest {
  runId: string;
  actor: string;
  reason: string;
}

/**
 * Ends an open run for good, in one write with `run.cancelled`, at which trainers stop. That write and the claim of a
 * decision exclude each other: whichever comes first stands, so a cancelled run is never promoted and a promoted one never
 * cancelled. A run that is cancelled already is answered as it is.
 *
 * Errors: RK_RUN_NOT_FOUND; RK_RUN_ENDED where it has another end, or is being decided.
 */
export async function cancelRun(registry: Registry, request: RunRequest): Promise<Run> {
  for (let round = 0; round < rounds; round++) {
    const run = await findRun(registry, request.runId);
    if (!run) throw runNotFound(request.runId);
    if (run.state === RunState.RUN_STATE_CANCELLED) return runView(run);
    if (isTerminal(run.state)) throw ended(run, `has ended as ${stateWord(run.state)}`);
    if (run.claimed === true)
      throw ended(run, 'is evaluated, and its promotion is being decided: too late to cancel');
    const attempt = attemptOfRun(run);
    const data: RunCancelled = {
      runId: run._id,
      model: run.model ?? '',
      runAttempt: attempt,
      actor: request.actor || 'user',
      reason: request.reason,
      timeMs: registry.clock(),
    };
    const { end, change } = cancellation(data);
    const entry = registry.outbox.entry(events.runCancelled, requireKey(run._id, 'run id'), data, {
      id: derivedEventId(events.runCancelled.type, run._id, ...attemptParts(attempt)),
      correlationId: run._id,
    });
    const condition = { claimed: { $exists: false }, ...inAttempt(attempt) };
    if (!(await endRun(registry, run._id, RunState.RUN_STATE_CANCELLED, end, [entry], condition, [change])))
      continue;
    await announceTurn(registry, run._id);
    registry.logger.warn({ ...data }, 'run cancelled');
    return runView((await findRun(registry, run._id)) ?? run);
  }
  throw ended({ _id: request.runId }, `changed ${rounds} times during this call; try again`);
}

/** The turn is saved: where the bus is away, the caller still gets its answer, and the outbox announces it later. */
export async function announceTurn(registry: Registry, runId: string): Promise<void> {
  try {
    await registry.outbox.flush(registry.collections.runs, runId);
  } catch (error) {
    if (!(error instanceof RookeryError) || error.code !== 'RK_BUS_UNAVAILABLE') throw error;
    registry.logger.warn({ err: error, runId }, 'what became of a run will be announced later');
  }
}

function ended(run: Pick<RunDocument, '_id'>, how: string): TerminalError {
  return new TerminalError('RK_RUN_ENDED', `run ${run._id} ${how}`, { details: { runId: run._id } });
}
