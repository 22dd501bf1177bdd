import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type {
  ModelAliased,
  ModelPromoted,
  ModelRegistered,
  ModelRolledBack,
} from '@rookery/proto/rookery/events/v1/model';
import { Lineage } from '@rookery/proto/rookery/events/v1/run';

import { factsOf, versionIdOf } from './model-document.js';
import type { AliasChangeDocument, VersionDocument, VersionFacts } from './model-document.js';
import type { RunDocument } from './run-document.js';
import { environmentOf, planOf, requestOf, traceOf } from './run-view.js';

/** Everything needed to reproduce the run's model, from the parts that its events wrote. */
export function lineageOf(run: RunDocument): Lineage {
  const plan = planOf(run);
  const request = requestOf(run);
  const environment = environmentOf(run);
  return Lineage.fromPartial({
    runId: run._id,
    requestEventId: run.ingested?.requestEventId || plan?.requestEventId || '',
    datasetId: run.ingested?.datasetId || plan?.datasetId || '',
    datasetName: run.ingested?.datasetName || plan?.datasetName || '',
    datasetVersion: run.ingested?.datasetVersion || plan?.datasetVersion || 0,
    datasetSha256: run.ingested?.datasetSha256 || plan?.dataset?.sha256 || '',
    sourceUri: request?.uri ?? '',
    folds: plan?.folds ?? run.evaluated?.folds.length ?? 0,
    stratified: plan?.stratified ?? false,
    seed: plan?.seed ?? 0,
    ...(plan?.modelSpec ? { modelSpec: plan.modelSpec } : {}),
    ...(environment
      ? { environment: { ...environment, codeVersion: environment.codeVersion || (plan?.codeVersion ?? '') } }
      : {}),
    traceId: traceOf(run),
    plugins: plan?.plugins ?? [],
    ...(request ? { request } : {}),
  });
}

/** When the request that led to the run was published, in milliseconds since the epoch; 0 where unknown. */
export function requestedAtOf(run: RunDocument): number {
  return run.ingested?.requestedAtMs || planOf(run)?.requestedAtMs || 0;
}

/** The version that an evaluated run becomes. */
export function versionOf(
  model: string,
  version: number,
  run: RunDocument,
  modelPackage: ModelPackage,
  timeMs: number,
): VersionDocument {
  return {
    _id: versionIdOf(model, version),
    model,
    version,
    runId: run._id,
    package: run.evaluated?.package,
    reference: run.evaluated?.reference,
    metrics: run.evaluated?.metrics ?? {},
    signature: modelPackage.signature ?? planOf(run)?.signature,
    lineage: JSON.stringify(Lineage.toJSON(lineageOf(run))),
    inputExample: modelPackage.inputExample,
    createdAtMs: timeMs,
    folds: run.evaluated?.folds ?? [],
    confusion: run.evaluated?.confusion,
    labelConfusions: run.evaluated?.labelConfusions,
    refusals: [],
  };
}

/** Payload of `model.registered`. */
export function registeredEvent(version: VersionDocument): ModelRegistered {
  return {
    model: version.model,
    ...factsForEvent(version),
    signature: version.signature,
    metrics: version.metrics,
    lineage: Lineage.fromJSON(JSON.parse(version.lineage)),
  };
}

/** Payload of `model.promoted`: all that a replica needs. `requestedAtMs` is 0 where no request led to the move. */
export function promotedEvent(
  change: AliasChangeDocument,
  version: VersionFacts,
  requestedAtMs: number,
): ModelPromoted {
  return {
    ...changeForEvent(change),
    ...factsForEvent(version),
    requestedAtMs,
    manual: change.kind === 'set',
  };
}

/** Payload of `model.rolledback`. */
export function rolledBackEvent(change: AliasChangeDocument, version: VersionFacts): ModelRolledBack {
  return { ...changeForEvent(change), ...factsForEvent(version) };
}

/** Payload of `model.aliased`: a move of any other alias than champion. */
export function aliasedEvent(change: AliasChangeDocument): ModelAliased {
  return { ...changeForEvent(change), version: change.version, runId: change.runId };
}

function factsForEvent(
  version: VersionFacts,
): Pick<ModelRegistered, 'version' | 'runId' | 'package' | 'reference'> {
  const { metrics: _, ...facts } = factsOf(version);
  return { version: facts.version, runId: facts.runId, package: facts.package, reference: facts.reference };
}

function changeForEvent(
  change: AliasChangeDocument,
): Pick<ModelPromoted, 'model' | 'alias' | 'previousVersion' | 'aliasRevision' | 'actor' | 'reasons'> {
  return {
    model: change.model,
    alias: change.alias,
    previousVersion: change.previousVersion,
    aliasRevision: change.revision,
    actor: change.actor,
    reasons: change.reasons,
  };
}
