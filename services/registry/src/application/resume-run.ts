import { attemptParts, derivedEventId, events, requireKey, TerminalError } from '@rookery/contracts';
import type { RunResumed } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';

import type { RunDocument } from '../domain/run-document.js';
import { isTerminal, stateWord } from '../domain/run-state.js';
import { attemptOfRun, resumption } from '../domain/run-turns.js';
import { planOf, runView } from '../domain/run-view.js';
import { announceTurn } from './cancel-run.js';
import type { RunRequest } from './cancel-run.js';
import type { Registry } from './ports.js';
import { findRun, runNotFound } from './read-runs.js';
import { failLost } from './stalled-runs.js';

const rounds = 50;

/** An open run younger than this may just be between two steps. */
const quietMs = 10_000;

/**
 * Begins another attempt of a failed run, in one write with `run.resumed`, at which transform sends the jobs that have no
 * trained model and the evaluator makes up what it has not evaluated. An open run whose jobs are lost (in no queue any
 * more) is failed first: it would not go on by itself.
 *
 * Errors: RK_RUN_NOT_FOUND; RK_RUN_UNDER_WAY; RK_RUN_ENDED for a completed or a cancelled run.
 */
export async function resumeRun(registry: Registry, request: RunRequest): Promise<Run> {
  for (let round = 0; round < rounds; round++) {
    const run = await findRun(registry, request.runId);
    if (!run) throw runNotFound(request.runId);
    if (run.state !== RunState.RUN_STATE_FAILED) {
      const quiet = registry.clock() - run.updatedAtMs >= quietMs;
      if (!isTerminal(run.state) && quiet && (await failLost(registry, run))) continue;
      throw refusal(run);
    }
    const data = resumedOf(run, request, registry.clock());
    const entry = registry.outbox.entry(events.runResumed, requireKey(run._id, 'run id'), data, {
      id: derivedEventId(events.runResumed.type, run._id, ...attemptParts(data.runAttempt)),
      correlationId: run._id,
    });
    const { condition, update } = resumption(data);
    const { matched } = await registry.collections.runs.updateOne(condition, {
      ...update,
      $push: { ...update.$push, outbox: entry },
    });
    if (matched === 0) continue;
    registry.changes.notify(run._id);
    await announceTurn(registry, run._id);
    registry.logger.info({ ...data }, 'run resumed');
    return runView((await findRun(registry, run._id)) ?? run);
  }
  throw new TerminalError(
    'RK_RUN_UNDER_WAY',
    `run ${request.runId} changed ${rounds} times during this call`,
  );
}

function resumedOf(run: RunDocument, request: RunRequest, timeMs: number): RunResumed {
  const plan = planOf(run);
  return {
    runId: run._id,
    model: run.model ?? '',
    runAttempt: attemptOfRun(run) + 1,
    actor: request.actor || 'user',
    reason: request.reason,
    timeMs,
    code: run.end?.code ?? '',
    message: run.end?.message ?? '',
    endedAtMs: run.end?.timeMs ?? 0,
    requestEventId: run.ingested?.requestEventId || plan?.requestEventId || '',
    datasetName: run.ingested?.datasetName || plan?.datasetName || '',
  };
}

function refusal(run: RunDocument): TerminalError {
  const details = { runId: run._id, state: stateWord(run.state) };
  if (!isTerminal(run.state)) {
    return new TerminalError('RK_RUN_UNDER_WAY', `run ${run._id} is under way: there is nothing to resume`, {
      details,
    });
  }
  const how =
    run.state === RunState.RUN_STATE_CANCELLED
      ? `was ${run.end?.message ?? 'cancelled'}, and does not go on`
      : `is complete (${stateWord(run.state)}): nothing is missing`;
  return new TerminalError('RK_RUN_ENDED', `run ${run._id} ${how}`, { details });
}
