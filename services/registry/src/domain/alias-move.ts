import { aliasOf, changeIdOf, factsOf } from './model-document.js';
import type {
  AliasChangeDocument,
  AliasChangeKind,
  AliasEntry,
  ModelDocument,
  VersionFacts,
} from './model-document.js';

/** Who moves an alias, and why. */
export interface AliasMove {
  alias: string;
  kind: AliasChangeKind;
  actor: string;
  reasons: string[];
  timeMs: number;
}

/**
 * The aliases after a move and the line that it adds to the history: the revision is one more than before, 1 for a
 * new alias.
 */
export function moveAlias(
  model: Pick<ModelDocument, '_id' | 'aliases'>,
  version: VersionFacts,
  move: AliasMove,
): { aliases: AliasEntry[]; change: AliasChangeDocument } {
  const before = aliasOf(model as ModelDocument, move.alias);
  const revision = (before?.revision ?? 0) + 1;
  const entry: AliasEntry = { alias: move.alias, revision, ...factsOf(version) };
  return {
    aliases: [...model.aliases.filter((other) => other.alias !== move.alias), entry],
    change: {
      _id: changeIdOf(model._id, move.alias, revision),
      model: model._id,
      alias: move.alias,
      revision,
      version: version.version,
      previousVersion: before?.version ?? 0,
      kind: move.kind,
      actor: move.actor,
      reasons: move.reasons,
      timeMs: move.timeMs,
      runId: version.runId,
    },
  };
}
