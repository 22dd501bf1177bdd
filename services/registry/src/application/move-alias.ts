import { derivedEventId, events, RetryableError, RookeryError, TerminalError } from '@rookery/contracts';
import type { OutboxEntry } from '@rookery/bus';

import { requireAliasName, versionBefore } from '../domain/alias-rules.js';
import { moveAlias } from '../domain/alias-move.js';
import { aliasOf, championAlias } from '../domain/model-document.js';
import type {
  AliasChangeDocument,
  AliasChangeKind,
  AliasEntry,
  ModelDocument,
  VersionFacts,
} from '../domain/model-document.js';
import { aliasedEvent, promotedEvent, rolledBackEvent } from '../domain/registration.js';
import { writeModel } from './model-write.js';
import { settle } from './pending-facts.js';
import type { Registry } from './ports.js';
import { historyOf, requireModel, requireVersion } from './read-models.js';

const rounds = 50;

/** A move by a person or a tool. */
export interface SetAlias {
  model: string;
  alias: string;
  version: number;
  /** Revision that the caller saw; 0: the alias must not exist. */
  expectedRevision: number;
  actor: string;
  reason: string;
}

/** A way back for the champion. */
export interface RollBack {
  model: string;
  /** 0: the champion before this one. */
  toVersion: number;
  actor: string;
  reason: string;
}

/**
 * Moves an alias by compare-and-set on its revision; a move of `champion` emits `model.promoted`, one of another alias
 * `model.aliased`.
 *
 * Errors: RK_ALIAS_INVALID, RK_MODEL_NOT_FOUND, RK_VERSION_NOT_FOUND; RK_ALIAS_CONFLICT with the actual revision.
 */
export async function setAlias(registry: Registry, request: SetAlias): Promise<AliasEntry> {
  requireAliasName(request.alias);
  for (let round = 0; round < rounds; round++) {
    const model = await requireModel(registry, request.model);
    const before = aliasOf(model, request.alias);
    if ((before?.revision ?? 0) !== request.expectedRevision) throw conflict(model, request, before);
    const version = await requireVersion(registry, model, request.version);
    const moved = await write(registry, model, version, 'set', request.alias, request.actor, request.reason);
    if (moved) return moved;
  }
  throw busy(request.model);
}

/**
 * Moves `champion` back to the champion before this one (roll-backs undone), or to the version named, and emits
 * `model.rolledback`. Never undoes a promotion that came in meanwhile: that is RK_ALIAS_CONFLICT.
 *
 * Errors: RK_MODEL_NOT_FOUND, RK_ALIAS_NOT_FOUND, RK_VERSION_NOT_FOUND; RK_ROLLBACK_NONE where there is nowhere to go.
 */
export async function rollBack(
  registry: Registry,
  request: RollBack,
): Promise<{ alias: AliasEntry; previousVersion: number }> {
  let seen: AliasEntry | undefined;
  for (let round = 0; round < rounds; round++) {
    const model = await requireModel(registry, request.model);
    const before = aliasOf(model, championAlias);
    if (!before) {
      throw new TerminalError('RK_ALIAS_NOT_FOUND', `model ${model._id} has no champion to roll back from`, {
        details: { model: model._id, alias: championAlias },
      });
    }
    if (seen && seen.revision !== before.revision) {
      throw conflict(model, { alias: championAlias, expectedRevision: seen.revision }, before);
    }
    seen = before;
    const target = await targetOf(registry, model, before, request.toVersion);
    const version = await requireVersion(registry, model, target);
    const alias = await write(
      registry,
      model,
      version,
      'rolledback',
      championAlias,
      request.actor,
      request.reason,
    );
    if (alias) return { alias, previousVersion: before.version };
  }
  throw busy(request.model);
}

async function targetOf(
  registry: Registry,
  model: ModelDocument,
  champion: AliasEntry,
  toVersion: number,
): Promise<number> {
  if (toVersion === champion.version) {
    throw new TerminalError(
      'RK_ROLLBACK_NONE',
      `version ${toVersion} is the champion of ${model._id} already`,
      {
        details: { model: model._id, version: String(toVersion) },
      },
    );
  }
  if (toVersion > 0) return toVersion;
  const before = versionBefore(await historyOf(registry, model, championAlias));
  if (before !== undefined) return before;
  throw new TerminalError(
    'RK_ROLLBACK_NONE',
    `model ${model._id} has no champion before version ${champion.version} to go back to`,
    { details: { model: model._id, version: String(champion.version) } },
  );
}

async function write(
  registry: Registry,
  model: ModelDocument,
  version: VersionFacts,
  kind: AliasChangeKind,
  alias: string,
  actor: string,
  reason: string,
): Promise<AliasEntry | undefined> {
  const timeMs = registry.clock();
  const moved = moveAlias(model, version, {
    alias,
    kind,
    actor: actor || 'user',
    reasons: reason === '' ? [] : [reason],
    timeMs,
  });
  const after = await writeModel(registry, model._id, model, {
    latestVersion: model.latestVersion,
    aliases: moved.aliases,
    pending: { id: `change/${moved.change._id}`, change: moved.change },
    announcements: [announcementOf(registry, moved.change, version)],
    timeMs,
  });
  if (!after) return undefined;
  await announced(registry, after);
  registry.logger.info({ ...moved.change }, 'alias moved');
  return aliasOf(after, alias);
}

/** Every move is in the log: one of champion as what replicas follow, one of any other alias as `model.aliased`. */
function announcementOf(
  { outbox: { entry } }: Pick<Registry, 'outbox'>,
  change: AliasChangeDocument,
  version: VersionFacts,
): OutboxEntry {
  const { model, timeMs } = change;
  const idOf = (type: string): { id: string; timeMs: number } => ({
    id: derivedEventId(type, change._id),
    timeMs,
  });
  if (change.alias !== championAlias)
    return entry(events.modelAliased, model, aliasedEvent(change), idOf(events.modelAliased.type));
  if (change.kind === 'rolledback') {
    const data = rolledBackEvent(change, version);
    return entry(events.modelRolledBack, model, data, idOf(events.modelRolledBack.type));
  }
  const data = promotedEvent(change, version, 0);
  return entry(events.modelPromoted, model, data, idOf(events.modelPromoted.type));
}

/** The move is decided: where the bus is away, the caller still gets its answer, and recovery announces it. */
async function announced(registry: Registry, model: ModelDocument): Promise<void> {
  try {
    await settle(registry, model);
  } catch (error) {
    if (!(error instanceof RookeryError) || error.code !== 'RK_BUS_UNAVAILABLE') throw error;
    registry.logger.warn({ err: error, model: model._id }, 'the move of an alias will be announced later');
  }
}

function conflict(
  model: ModelDocument,
  request: { alias: string; expectedRevision: number },
  actual: AliasEntry | undefined,
): TerminalError {
  const is = actual
    ? `alias ${request.alias} of ${model._id} is at revision ${actual.revision} (version ${actual.version})`
    : `model ${model._id} has no alias ${request.alias} (revision 0)`;
  return new TerminalError('RK_ALIAS_CONFLICT', `${is}, not at revision ${request.expectedRevision}`, {
    details: {
      model: model._id,
      alias: request.alias,
      expectedRevision: String(request.expectedRevision),
      actualRevision: String(actual?.revision ?? 0),
      actualVersion: String(actual?.version ?? 0),
    },
  });
}

function busy(model: string): RetryableError {
  return new RetryableError(
    'RK_ALIAS_CONFLICT',
    `model ${model} changed ${rounds} times during this call; try again`,
  );
}
