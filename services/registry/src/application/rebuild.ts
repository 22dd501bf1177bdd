import type { BusEvent } from '@rookery/bus';
import { attemptOf, events } from '@rookery/contracts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import { RunOutcome } from '@rookery/proto/rookery/events/v1/run';
import type { RunCompleted, RunFailed } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { EndPart } from '../domain/run-document.js';
import { projectEvaluated } from '../domain/run-projection.js';
import { attemptOfRun, inAttempt } from '../domain/run-turns.js';
import { endRun, failedEnd, knownRun } from './end-run.js';
import { finishRebuild } from './finish-rebuild.js';
import type { Registry } from './ports.js';
import { applyProjection } from './project-runs.js';
import { rebuiltMove, rebuiltVersion } from './rebuild-models.js';
import { rebuiltCancellation, rebuiltResumption } from './rebuild-turns.js';
import { reproductionsRebuild } from './rebuild-reproductions.js';
import { recordRefusal } from './record-refusal.js';
import { runProjections } from './run-projections.js';

/**
 * How the registry comes out of the log. Runs are written by the projections that the consumers use; their ends, versions
 * and moves of aliases by what the registry itself announced, never decided anew; models follow from their versions and
 * moves at the end.
 */
export function registryRebuild(registry: Registry): RebuildSpec {
  const { runs, models, versions, aliasChanges, reproductions } = registry.collections;
  const ofReproductions = reproductionsRebuild(registry);
  /** Attempts that the log told of so far, where it is not the first: what was left of a run may be further. */
  const attempts = new Map<string, number>();
  const isAhead = async (runId: string): Promise<boolean> =>
    attemptOfRun(await runs.findOne({ _id: runId })) > (attempts.get(runId) ?? 1);
  /** Runs whose end is in the log, and whose `run.completed` did not come (yet). */
  const unannounced = new Set<string>();
  const ended = async (runId: string, state: RunState, end: EndPart): Promise<void> => {
    unannounced.add(runId);
    if (await endRun(registry, runId, state, end, []))
      await runs.updateOne({ _id: runId }, { $set: { claimed: true } });
  };

  return {
    collections: [runs, models, versions, aliasChanges, reproductions].map(({ name }) => name),
    outboxes: [runs, models, reproductions],
    projections: [
      ...runProjections(registry).map(({ rebuild }) => rebuild),
      projection(events.runEvaluated, async (event) => {
        // A resumption takes back what was evaluated before it.
        if (await isAhead(event.data.runId)) return;
        await applyProjection(registry, projectEvaluated(event.data, event));
      }),
      projection(events.modelRegistered, (event) => rebuiltVersion(registry, event)),
      projection(events.modelPromoted, async (event) => {
        const change = await rebuiltMove(registry, event, 'promoted');
        if (change?.kind !== 'promoted') return;
        const { version, reasons, timeMs } = change;
        const end = { version, reasons, code: '', message: '', timeMs };
        await ended(change.runId, RunState.RUN_STATE_PROMOTED, end);
      }),
      projection(events.modelRolledBack, async (event) => {
        await rebuiltMove(registry, event, 'rolledback');
      }),
      projection(events.modelAliased, async (event) => {
        await rebuiltMove(registry, event, 'set');
      }),
      projection(events.modelRejected, async (event) => {
        if (event.data.stage === RejectionStage.REJECTION_STAGE_SERVING)
          return recordRefusal(registry, event);
        await ended(event.data.runId, RunState.RUN_STATE_REJECTED, rejectedEnd(event.data, event.time));
      }),
      projection(events.runCompleted, async (event) => {
        const { runId, outcome } = event.data;
        const promoted = outcome === RunOutcome.RUN_OUTCOME_PROMOTED;
        const state = promoted ? RunState.RUN_STATE_PROMOTED : RunState.RUN_STATE_REJECTED;
        await ended(runId, state, completedEnd(event.data, event.time));
        unannounced.delete(runId);
      }),
      projection(events.runFailed, (event) => rebuiltFailure(registry, event)),
      projection(events.runResumed, async ({ data }) => {
        attempts.set(data.runId, data.runAttempt);
        await rebuiltResumption(registry, data);
      }),
      projection(events.runCancelled, ({ data }) => rebuiltCancellation(registry, data)),
      ...ofReproductions.projections,
    ],
    finish: async () => {
      await finishRebuild(registry, unannounced);
      await ofReproductions.finish();
    },
  };
}

function rejectedEnd({ version, reasons, code }: ModelRejected, time: Date): EndPart {
  return { version, reasons, code, message: reasons.join('; '), timeMs: time.getTime() };
}

/** Only where the events of the decision itself are not in the log. */
function completedEnd({ outcome, version, reasons, code }: RunCompleted, time: Date): EndPart {
  const timeMs = time.getTime();
  if (outcome === RunOutcome.RUN_OUTCOME_PROMOTED) return { version, reasons, code: '', message: '', timeMs };
  const known = code || (version > 0 ? 'RK_CHAMPION_BETTER' : 'RK_GATE_FAILED');
  return { version, reasons, code: known, message: reasons.join('; '), timeMs };
}

async function rebuiltFailure(registry: Registry, { data, time }: BusEvent<RunFailed>): Promise<void> {
  const timeMs = time.getTime();
  await knownRun(registry, data, timeMs);
  const condition = inAttempt(attemptOf(data.runAttempt));
  await endRun(registry, data.runId, RunState.RUN_STATE_FAILED, failedEnd(data, timeMs), [], condition);
}
