import { Lineage } from '@rookery/proto/rookery/events/v1/run';
import { ModelVersion } from '@rookery/proto/rookery/registry/v1/registry';
import type { Alias, AliasChange, Model } from '@rookery/proto/rookery/registry/v1/registry';

import type { AliasChangeDocument, AliasEntry, ModelDocument, VersionDocument } from './model-document.js';

/** A model as the API shows it; aliases by name. */
export function modelView(model: ModelDocument): Model {
  return {
    name: model._id,
    aliases: [...model.aliases].sort((a, b) => (a.alias < b.alias ? -1 : 1)).map(aliasView),
    latestVersion: model.latestVersion,
    versions: model.latestVersion,
    createdAtMs: model.createdAtMs,
    updatedAtMs: model.updatedAtMs,
  };
}

/** An alias as the API shows it. */
export function aliasView(entry: AliasEntry): Alias {
  return { alias: entry.alias, version: entry.version, revision: entry.revision };
}

/** A version as the API shows it, with the aliases that point to it. */
export function versionView(version: VersionDocument, model: ModelDocument): ModelVersion {
  return ModelVersion.fromPartial({
    model: version.model,
    version: version.version,
    runId: version.runId,
    ...(version.package ? { package: version.package } : {}),
    ...(version.reference ? { reference: version.reference } : {}),
    ...(version.signature ? { signature: version.signature } : {}),
    metrics: version.metrics,
    lineage: Lineage.fromJSON(JSON.parse(version.lineage)),
    ...(version.inputExample ? { inputExample: version.inputExample } : {}),
    aliases: model.aliases
      .filter((entry) => entry.version === version.version)
      .map((entry) => entry.alias)
      .sort(),
    createdAtMs: version.createdAtMs,
    folds: version.folds,
    ...(version.confusion ? { confusion: version.confusion } : {}),
    ...(version.labelConfusions ? { labelConfusions: version.labelConfusions } : {}),
    refusals: version.refusals.map((refusal) => refusal.rejected),
  });
}

/** A move of an alias as the API shows it. */
export function changeView(change: AliasChangeDocument): AliasChange {
  return {
    revision: change.revision,
    version: change.version,
    previousVersion: change.previousVersion,
    actor: change.actor,
    reasons: change.reasons,
    timeMs: change.timeMs,
    runId: change.runId,
  };
}
