import { derivedEventId, events, TerminalError } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import { RunOutcome } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import { moveAlias } from '../domain/alias-move.js';
import { championAlias } from '../domain/model-document.js';
import type { ModelDocument, VersionDocument } from '../domain/model-document.js';
import type { Decision } from '../domain/promotion-decision.js';
import { promotedEvent, registeredEvent, requestedAtOf, versionOf } from '../domain/registration.js';
import type { EndPart, RunDocument } from '../domain/run-document.js';
import { attemptOfRun } from '../domain/run-turns.js';
import { endRun } from './end-run.js';
import { writeModel } from './model-write.js';
import type { Registry } from './ports.js';

/** Who promotes a run that was accepted. */
export const gateActor = 'gate';

/**
 * Makes the run the next version of its model, champion too where it was promoted, in one write with the events that
 * announce it. Undefined where the model changed since `model` was read: decide again. `registered` is the version that
 * the run has already, where the log tells of its registration and of nothing that followed.
 */
export async function registerRun(
  registry: Registry,
  name: string,
  run: RunDocument,
  model: ModelDocument | null,
  modelPackage: ModelPackage | undefined,
  decision: Exclude<Decision, { outcome: 'rejected_by_gate' }>,
  cause: EventMeta,
  registered?: VersionDocument,
): Promise<ModelDocument | undefined> {
  const timeMs = registry.clock();
  const versionNumber = registered?.version ?? (model?.latestVersion ?? 0) + 1;
  const version = registered ?? newVersion(name, versionNumber, run, modelPackage, timeMs);
  const { reasons } = decision;
  const refused = decision.outcome === 'rejected_by_champion' ? decision : undefined;
  const moved = refused
    ? undefined
    : moveAlias({ _id: name, aliases: model?.aliases ?? [] }, version, {
        alias: championAlias,
        kind: 'promoted',
        actor: gateActor,
        reasons,
        timeMs,
      });
  const { entry } = registry.outbox;
  const idOf = (type: string): { id: string; cause: EventMeta; timeMs: number } => ({
    id: derivedEventId(type, run._id),
    cause,
    timeMs,
  });
  const announcements: OutboxEntry[] = [];
  if (!registered) {
    const { type } = events.modelRegistered;
    announcements.push(entry(events.modelRegistered, name, registeredEvent(version), idOf(type)));
  }
  if (moved) {
    const data = promotedEvent(moved.change, version, requestedAtOf(run));
    announcements.push(entry(events.modelPromoted, name, data, idOf(events.modelPromoted.type)));
  }
  if (refused) {
    const stage = RejectionStage.REJECTION_STAGE_CHAMPION;
    const data = rejectedEvent(run, name, versionNumber, stage, refused);
    announcements.push(entry(events.modelRejected, name, data, idOf(events.modelRejected.type)));
  }
  const outcome = { version: versionNumber, reasons, code: refused?.code ?? '', timeMs };
  announcements.push(completedEntry(registry, run, name, outcome, cause));
  return writeModel(registry, name, model, {
    latestVersion: Math.max(versionNumber, model?.latestVersion ?? 0),
    aliases: moved?.aliases ?? model?.aliases ?? [],
    pending: {
      id: `run/${run._id}`,
      ...(registered ? {} : { version }),
      ...(moved ? { change: moved.change } : {}),
      run: {
        runId: run._id,
        state: refused ? RunState.RUN_STATE_REJECTED : RunState.RUN_STATE_PROMOTED,
        end: {
          version: versionNumber,
          reasons,
          code: refused?.code ?? '',
          message: refused ? reasons.join('; ') : '',
          timeMs,
        },
      },
    },
    announcements,
    timeMs,
  });
}

/** Ends a run that did not pass the gate, with the events that announce it. */
export async function rejectByGate(
  registry: Registry,
  run: RunDocument,
  decision: Extract<Decision, { outcome: 'rejected_by_gate' }>,
  cause: EventMeta,
): Promise<void> {
  const name = run.model ?? '';
  const timeMs = registry.clock();
  const { reasons, code } = decision;
  const rejected = rejectedEvent(run, name, 0, RejectionStage.REJECTION_STAGE_GATE, decision);
  await endRun(
    registry,
    run._id,
    RunState.RUN_STATE_REJECTED,
    { version: 0, reasons, code, message: reasons.join('; '), timeMs },
    [
      registry.outbox.entry(events.modelRejected, name, rejected, {
        id: derivedEventId(events.modelRejected.type, run._id),
        cause,
        timeMs,
      }),
      completedEntry(registry, run, name, { version: 0, reasons, code, timeMs }, cause),
    ],
  );
  await registry.outbox.flush(registry.collections.runs, run._id);
  registry.logger.info({ runId: run._id, model: name, ...decision }, 'run decided');
}

/** The announcement of a run's end; `code` is empty where it was promoted. */
export function completedEntry(
  registry: Pick<Registry, 'outbox'>,
  run: Pick<RunDocument, '_id' | 'attempt'>,
  model: string,
  end: Pick<EndPart, 'version' | 'reasons' | 'code' | 'timeMs'>,
  cause: EventMeta,
): OutboxEntry {
  const { version, reasons, code, timeMs } = end;
  const outcome = code === '' ? RunOutcome.RUN_OUTCOME_PROMOTED : RunOutcome.RUN_OUTCOME_REJECTED;
  return registry.outbox.entry(
    events.runCompleted,
    run._id,
    { runId: run._id, model, outcome, version, reasons, code, runAttempt: attemptOfRun(run) },
    { id: derivedEventId(events.runCompleted.type, run._id), cause, timeMs },
  );
}

function newVersion(
  name: string,
  version: number,
  run: RunDocument,
  modelPackage: ModelPackage | undefined,
  timeMs: number,
): VersionDocument {
  if (!modelPackage)
    throw new TerminalError('RK_MODEL_CORRUPT', `run ${run._id} passed the gate without a package`);
  return versionOf(name, version, run, modelPackage, timeMs);
}

function rejectedEvent(
  run: RunDocument,
  model: string,
  version: number,
  stage: RejectionStage,
  decision: Exclude<Decision, { outcome: 'promoted' }>,
): ModelRejected {
  return {
    model,
    version,
    runId: run._id,
    stage,
    code: decision.code,
    reasons: decision.reasons,
    verdict: run.evaluated?.verdict,
    replica: '',
  };
}
