import { derivedEventId, events, TerminalError } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import type { ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import { RunOutcome } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import { moveAlias } from '../domain/alias-move.js';
import { championAlias } from '../domain/model-document.js';
import type { ModelDocument } from '../domain/model-document.js';
import type { Decision } from '../domain/promotion-decision.js';
import { promotedEvent, registeredEvent, requestedAtOf, versionOf } from '../domain/registration.js';
import type { RunDocument } from '../domain/run-document.js';
import { attemptOfRun } from '../domain/run-turns.js';
import { endRun } from './end-run.js';
import { writeModel } from './model-write.js';
import type { Registry } from './ports.js';

const gateActor = 'gate';

/**
 * Makes the run the next version of its model, champion too where it was promoted, in one write with the events that
 * announce it. Undefined where the model changed since `model` was read: decide again.
 */
export async function registerRun(
  registry: Registry,
  name: string,
  run: RunDocument,
  model: ModelDocument | null,
  modelPackage: ModelPackage | undefined,
  decision: Exclude<Decision, { outcome: 'rejected_by_gate' }>,
  cause: EventMeta,
): Promise<ModelDocument | undefined> {
  if (!modelPackage)
    throw new TerminalError('RK_MODEL_CORRUPT', `run ${run._id} passed the gate without a package`);
  const timeMs = registry.clock();
  const versionNumber = (model?.latestVersion ?? 0) + 1;
  const version = versionOf(name, versionNumber, run, modelPackage, timeMs);
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
  const idOf = (type: string): { id: string; cause: EventMeta } => ({
    id: derivedEventId(type, run._id),
    cause,
  });
  const announcements: OutboxEntry[] = [
    entry(events.modelRegistered, name, registeredEvent(version), idOf(events.modelRegistered.type)),
  ];
  if (moved) {
    const data = promotedEvent(moved.change, version, requestedAtOf(run));
    announcements.push(entry(events.modelPromoted, name, data, idOf(events.modelPromoted.type)));
  }
  if (refused) {
    const stage = RejectionStage.REJECTION_STAGE_CHAMPION;
    const data = rejectedEvent(run, name, versionNumber, stage, refused);
    announcements.push(entry(events.modelRejected, name, data, idOf(events.modelRejected.type)));
  }
  announcements.push(completed(registry, run, name, !refused, versionNumber, reasons, cause));
  return writeModel(registry, name, model, {
    latestVersion: versionNumber,
    aliases: moved?.aliases ?? model?.aliases ?? [],
    pending: {
      id: `run/${run._id}`,
      version,
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
  const rejected = rejectedEvent(run, name, 0, RejectionStage.REJECTION_STAGE_GATE, decision);
  await endRun(
    registry,
    run._id,
    RunState.RUN_STATE_REJECTED,
    {
      version: 0,
      reasons: decision.reasons,
      code: decision.code,
      message: decision.reasons.join('; '),
      timeMs: registry.clock(),
    },
    [
      registry.outbox.entry(events.modelRejected, name, rejected, {
        id: derivedEventId(events.modelRejected.type, run._id),
        cause,
      }),
      completed(registry, run, name, false, 0, decision.reasons, cause),
    ],
  );
  await registry.outbox.flush(registry.collections.runs, run._id);
  registry.logger.info({ runId: run._id, model: name, ...decision }, 'run decided');
}

function completed(
  registry: Registry,
  run: RunDocument,
  model: string,
  promoted: boolean,
  version: number,
  reasons: string[],
  cause: EventMeta,
): OutboxEntry {
  const outcome = promoted ? RunOutcome.RUN_OUTCOME_PROMOTED : RunOutcome.RUN_OUTCOME_REJECTED;
  return registry.outbox.entry(
    events.runCompleted,
    run._id,
    { runId: run._id, model, outcome, version, reasons, runAttempt: attemptOfRun(run) },
    { id: derivedEventId(events.runCompleted.type, run._id), cause },
  );
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
