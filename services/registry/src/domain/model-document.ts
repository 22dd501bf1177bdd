import type { OutboxEntry } from '@rookery/bus';
import type {
  ArtifactRef,
  ConfusionMatrix,
  FoldMetrics,
  LabelConfusion,
  MetricSummary,
  Row,
  Signature,
} from '@rookery/proto/rookery/domain/v1/data';
import type { ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import type { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { EndPart } from './run-document.js';

/** The alias that is served. */
export const championAlias = 'champion';

/** What a version is, as far as moving an alias needs it; versions never change, so copies of this never go stale. */
export interface VersionFacts {
  version: number;
  runId: string;
  package?: ArtifactRef | undefined;
  reference?: ArtifactRef | undefined;
  metrics: Record<string, MetricSummary>;
}

/** An alias: the version it points to, and how often it has moved. */
export interface AliasEntry extends VersionFacts {
  alias: string;
  /** 1 at the first move, then one more with every move. */
  revision: number;
}

/** A version as it is stored; immutable but for its refusals. */
export interface VersionDocument extends VersionFacts {
  _id: string;
  model: string;
  signature?: Signature | undefined;
  /** Lineage, proto3 JSON text: it holds a person's free words. */
  lineage: string;
  inputExample?: Row | undefined;
  createdAtMs: number;
  folds: FoldMetrics[];
  confusion?: ConfusionMatrix | undefined;
  labelConfusions?: LabelConfusion[] | undefined;
  refusals: { eventId: string; rejected: ModelRejected }[];
}

/** Why an alias moved. */
export type AliasChangeKind = 'promoted' | 'rolledback' | 'set';

/** One move of an alias; the history is all of them by revision, without gap. */
export interface AliasChangeDocument {
  _id: string;
  model: string;
  alias: string;
  revision: number;
  version: number;
  previousVersion: number;
  kind: AliasChangeKind;
  actor: string;
  reasons: string[];
  timeMs: number;
  runId: string;
}

/**
 * What one write of a model document decided and the other collections do not show yet. It is part of the same
 * atomic write as the decision, readers see through it, and it is removed once it has been copied out.
 */
export interface PendingFacts {
  id: string;
  version?: VersionDocument;
  change?: AliasChangeDocument;
  run?: { runId: string; state: RunState; end: EndPart };
}

/** A model: the aggregate that numbers versions and moves aliases, one atomic write a decision. */
export interface ModelDocument {
  _id: string;
  /** Compare-and-set counter of the document: one more with every decision. */
  revision: number;
  /** Number of the newest version; versions are 1 … latestVersion without gap. */
  latestVersion: number;
  aliases: AliasEntry[];
  pending: PendingFacts[];
  createdAtMs: number;
  updatedAtMs: number;
  outbox?: OutboxEntry[];
}

/** Id of a version's document. */
export function versionIdOf(model: string, version: number): string {
  return `${model}/${version}`;
}

/** Id of a move's document. */
export function changeIdOf(model: string, alias: string, revision: number): string {
  return `${model}/${alias}/${revision}`;
}

/** The alias of that name; undefined where the model has none. */
export function aliasOf(model: ModelDocument | null, alias: string): AliasEntry | undefined {
  return model?.aliases.find((entry) => entry.alias === alias);
}

/** The facts of a version, alone. */
export function factsOf(version: VersionFacts): VersionFacts {
  return {
    version: version.version,
    runId: version.runId,
    package: version.package,
    reference: version.reference,
    metrics: version.metrics,
  };
}
