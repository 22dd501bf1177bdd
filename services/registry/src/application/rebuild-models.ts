import type { BusEvent } from '@rookery/bus';
import { RetryableError, toRookeryError } from '@rookery/contracts';
import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type {
  ModelAliased,
  ModelPromoted,
  ModelRegistered,
  ModelRolledBack,
} from '@rookery/proto/rookery/events/v1/model';
import { Lineage } from '@rookery/proto/rookery/events/v1/run';

import { changeIdOf, versionIdOf } from '../domain/model-document.js';
import type { AliasChangeDocument, AliasChangeKind, VersionDocument } from '../domain/model-document.js';
import { insertOnce } from './pending-facts.js';
import type { Registry } from './ports.js';
import { gateActor } from './register-run.js';

/**
 * The version of a `model.registered`. What the event does not carry is in the evaluation of its run (folds, confusion) and
 * in its package (input example); a package that is gone costs that example and nothing else.
 */
export async function rebuiltVersion(registry: Registry, event: BusEvent<ModelRegistered>): Promise<void> {
  const { data } = event;
  const { runs, versions } = registry.collections;
  const _id = versionIdOf(data.model, data.version);
  if (await versions.findOne({ _id })) return;
  const run = await runs.findOne({ _id: data.runId });
  const modelPackage = await packageOf(registry, data);
  const version: VersionDocument = {
    _id,
    model: data.model,
    version: data.version,
    runId: data.runId,
    package: data.package,
    reference: data.reference,
    metrics: data.metrics,
    signature: data.signature,
    lineage: JSON.stringify(Lineage.toJSON(data.lineage ?? Lineage.fromPartial({}))),
    inputExample: modelPackage?.inputExample,
    createdAtMs: event.time.getTime(),
    folds: run?.evaluated?.folds ?? [],
    confusion: run?.evaluated?.confusion,
    labelConfusions: run?.evaluated?.labelConfusions,
    refusals: [],
  };
  await insertOnce(versions, version);
}

async function packageOf(registry: Registry, data: ModelRegistered): Promise<ModelPackage | undefined> {
  if (!data.package) return undefined;
  try {
    return await registry.packages.read(data.package);
  } catch (thrown) {
    const error = toRookeryError(thrown);
    if (error instanceof RetryableError) throw error;
    const { model, version } = data;
    registry.logger.warn(
      { err: error, code: error.code, model, version },
      'the package of a version can not be read: it is rebuilt without its input example',
    );
    return undefined;
  }
}

/** The line of an alias's history that a move is, as it was written. */
export async function rebuiltMove(
  registry: Registry,
  event: BusEvent<ModelPromoted> | BusEvent<ModelRolledBack> | BusEvent<ModelAliased>,
  announced: AliasChangeKind,
): Promise<AliasChangeDocument> {
  const { data } = event;
  const change: AliasChangeDocument = {
    _id: changeIdOf(data.model, data.alias, data.aliasRevision),
    model: data.model,
    alias: data.alias,
    revision: data.aliasRevision,
    version: data.version,
    previousVersion: data.previousVersion,
    // Events from before there was `manual` tell a person by the name.
    kind: 'manual' in data && (data.manual || data.actor !== gateActor) ? 'set' : announced,
    actor: data.actor,
    reasons: data.reasons,
    timeMs: event.time.getTime(),
    runId: data.runId,
  };
  await insertOnce(registry.collections.aliasChanges, change);
  return change;
}
