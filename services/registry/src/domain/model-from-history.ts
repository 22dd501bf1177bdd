import { factsOf } from './model-document.js';
import type { AliasChangeDocument, AliasEntry, ModelDocument, VersionDocument } from './model-document.js';

/**
 * The document of a model as its versions and the moves of its aliases make it; null without a version. It is a function
 * of the two sets alone: neither their order nor how often a fact came matters.
 */
export function modelFromHistory(
  name: string,
  versions: readonly VersionDocument[],
  changes: readonly AliasChangeDocument[],
): ModelDocument | null {
  if (versions.length === 0) return null;
  const times = [...versions.map(({ createdAtMs }) => createdAtMs), ...changes.map(({ timeMs }) => timeMs)];
  // A promotion is the same decision as the registration of its version.
  const decisions = versions.length + changes.filter(({ kind }) => kind !== 'promoted').length;
  return {
    _id: name,
    revision: decisions,
    latestVersion: versions.reduce((latest, { version }) => Math.max(latest, version), 0),
    aliases: aliasesFrom(versions, changes),
    pending: [],
    createdAtMs: times.reduce((a, b) => Math.min(a, b)),
    updatedAtMs: times.reduce((a, b) => Math.max(a, b)),
    outbox: [],
  };
}

/** Where each alias stands after its last move; the one that moved last comes last. */
function aliasesFrom(
  versions: readonly VersionDocument[],
  changes: readonly AliasChangeDocument[],
): AliasEntry[] {
  const facts = new Map(versions.map((version) => [version.version, factsOf(version)]));
  const last = new Map<string, AliasChangeDocument>();
  for (const change of changes) {
    if (change.revision > (last.get(change.alias)?.revision ?? 0)) last.set(change.alias, change);
  }
  return [...last.values()]
    .sort((a, b) => a.timeMs - b.timeMs || (a.alias < b.alias ? -1 : 1))
    .flatMap(({ alias, revision, version }) => {
      const known = facts.get(version);
      return known ? [{ alias, revision, ...known }] : [];
    });
}

/** Whether a model that is stored knows all that another one does: it has as many versions, and no alias is behind. */
export function isUpToDate(stored: ModelDocument, derived: ModelDocument): boolean {
  if (stored.latestVersion < derived.latestVersion) return false;
  return derived.aliases.every(({ alias, revision }) => {
    const entry = stored.aliases.find((other) => other.alias === alias);
    return entry !== undefined && entry.revision >= revision;
  });
}
