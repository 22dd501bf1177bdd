import { TerminalError } from '@rookery/contracts';
import { versionIdOf } from '../domain/model-document.js';
import type { AliasChangeDocument, ModelDocument, VersionDocument } from '../domain/model-document.js';
import { aliasOf } from '../domain/model-document.js';
import type { Registry } from './ports.js';

type Reader = Pick<Registry, 'collections'>;

/*
 * All reads look at the model's document first: what it decided and did not copy out yet is in it, so that a version
 * or a move is visible from the instant of the decision.
 */

/** The model of that name, or RK_MODEL_NOT_FOUND. */
export async function requireModel(registry: Reader, name: string): Promise<ModelDocument> {
  const model = name === '' ? null : await registry.collections.models.findOne({ _id: name });
  if (model) return model;
  throw new TerminalError('RK_MODEL_NOT_FOUND', `there is no model ${JSON.stringify(name)}`, {
    details: { model: name },
  });
}

/** A part of a list; 0 as the limit means the default. */
export interface Page {
  readonly limit: number;
  readonly offset: number;
}

const versionsPage = { usual: 100, most: 200 };
const movesPage = { usual: 500, most: 1_000 };

/** Versions of a model, the newest first. */
export async function versionsOf(
  registry: Reader,
  model: ModelDocument,
  page: Page,
): Promise<VersionDocument[]> {
  // Versions are numbered without gaps: a page is a range of numbers, wherever its documents are.
  const to = model.latestVersion - page.offset;
  const from = Math.max(1, to - sizeOf(page, versionsPage) + 1);
  if (to < 1) return [];
  const inPage = ({ version }: VersionDocument): boolean => version >= from && version <= to;
  const stored = await registry.collections.versions.find({
    model: model._id,
    version: { $gte: from, $lte: to },
  });
  const byNumber = new Map<number, VersionDocument>();
  for (const { version } of model.pending) {
    if (version && inPage(version)) byNumber.set(version.version, version);
  }
  for (const version of stored) byNumber.set(version.version, version);
  return [...byNumber.values()].sort((a, b) => b.version - a.version);
}

function sizeOf({ limit }: Page, { usual, most }: { usual: number; most: number }): number {
  return limit === 0 ? usual : Math.min(limit, most);
}

/** One version of a model, or RK_VERSION_NOT_FOUND naming those there are. */
export async function requireVersion(
  registry: Reader,
  model: ModelDocument,
  version: number,
): Promise<VersionDocument> {
  const stored =
    (await registry.collections.versions.findOne({ _id: versionIdOf(model._id, version) })) ??
    model.pending.find((facts) => facts.version?.version === version)?.version;
  if (stored) return stored;
  throw new TerminalError(
    'RK_VERSION_NOT_FOUND',
    `model ${model._id} has no version ${version}; it has ${model.latestVersion === 1 ? 'version 1' : `versions 1 to ${model.latestVersion}`}`,
    { details: { model: model._id, version: String(version), latestVersion: String(model.latestVersion) } },
  );
}

/** The number of the version that an alias points to, or RK_ALIAS_NOT_FOUND naming the aliases there are. */
export function requireAlias(model: ModelDocument, alias: string): number {
  const entry = aliasOf(model, alias);
  if (entry) return entry.version;
  const known =
    model.aliases
      .map((other) => other.alias)
      .sort()
      .join(', ') || 'none';
  throw new TerminalError(
    'RK_ALIAS_NOT_FOUND',
    `model ${model._id} has no alias ${JSON.stringify(alias)}; it has: ${known}`,
    { details: { model: model._id, alias } },
  );
}

/** The newest moves of an alias, after `offset` newer ones, by ascending revision; and how many there are. */
export async function movesOf(
  registry: Reader,
  model: ModelDocument,
  alias: string,
  page: Page,
): Promise<{ changes: AliasChangeDocument[]; total: number }> {
  const history = await historyOf(registry, model, alias);
  const to = Math.max(0, history.length - page.offset);
  return {
    changes: history.slice(Math.max(0, to - sizeOf(page, movesPage)), to),
    total: history.length,
  };
}

/** Every move of an alias by ascending revision, without gap. */
export async function historyOf(
  registry: Reader,
  model: ModelDocument,
  alias: string,
): Promise<AliasChangeDocument[]> {
  const stored = await registry.collections.aliasChanges.find({ model: model._id, alias });
  const byRevision = new Map(stored.map((change) => [change.revision, change]));
  for (const { change } of model.pending)
    if (change?.alias === alias) byRevision.set(change.revision, change);
  return [...byRevision.values()].sort((a, b) => a.revision - b.revision);
}
