import type { ArtifactRef } from '@rookery/proto/rookery/domain/v1/data';

/** Alias whose version is served. */
export const servedAlias = 'champion';

/** A move of the alias `champion`, forwards or back: which package a replica has to serve. */
export interface Promotion {
  readonly model: string;
  readonly version: number;
  /** Grows by one with every move of the alias: the higher one wins, whichever event came first. */
  readonly aliasRevision: number;
  readonly package: ArtifactRef;
  readonly runId: string;
  /** When the request that led here was published, ms since the epoch; 0 where unknown. */
  readonly requestedAtMs: number;
}

/** The fields that a promotion and a rollback share. */
export interface AliasMove {
  readonly model: string;
  readonly version: number;
  readonly alias: string;
  readonly aliasRevision: number;
  readonly package: ArtifactRef | undefined;
  readonly runId: string;
  readonly requestedAtMs?: number;
}

/** The promotion of an event; undefined where it moves another alias or names no package. */
export function promotionOf(move: AliasMove): Promotion | undefined {
  if (move.alias !== servedAlias || move.package === undefined || move.model === '') return undefined;
  return {
    model: move.model,
    version: move.version,
    aliasRevision: move.aliasRevision,
    package: move.package,
    runId: move.runId,
    requestedAtMs: move.requestedAtMs ?? 0,
  };
}
