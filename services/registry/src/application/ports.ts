import type { Logger, Outbox } from '@rookery/bus';
import type { Collection } from '@rookery/store';
import type { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { ArtifactRef } from '@rookery/proto/rookery/domain/v1/data';

import type { AliasChangeDocument, ModelDocument, VersionDocument } from '../domain/model-document.js';
import type { ReproductionDocument } from '../domain/reproduction-document.js';
import type { RunDocument } from '../domain/run-document.js';
import type { Projection } from '../domain/run-projection.js';
import type { RunChanges } from './run-changes.js';

/** The registry's own data. */
export interface Collections {
  runs: Collection<RunDocument>;
  models: Collection<ModelDocument>;
  versions: Collection<VersionDocument>;
  aliasChanges: Collection<AliasChangeDocument>;
  reproductions: Collection<ReproductionDocument>;
}

/** Reads model packages. Throws RK_MODEL_CORRUPT for one that can't be decoded, and the artifact store's own errors. */
export interface PackageReader {
  read(ref: ArtifactRef): Promise<ModelPackage>;
}

/** Reads the log of events again, for facts that this service has not seen yet. */
export interface EventLog {
  /** What the log says about the beginning of a run: its `run.started` and its `dataset.ingested`. */
  beginningOf(runId: string): Promise<Projection[]>;
}

/** Whether a step of a run may still come by itself: the broker holds its message for the service that does it. */
export interface WorkQueues {
  plan(datasetName: string, runId: string): Promise<boolean>;
  /** What is known of a search that takes the place of a run's plan; undefined where there is none, or it is complete. */
  search(runId: string): Promise<SearchProgress | undefined>;
  job(runId: string, fold: number, final: boolean): Promise<boolean>;
  reproduction(reproductionId: string, runId: string, fold: number, final: boolean): Promise<boolean>;
  evaluation(runId: string): Promise<boolean>;
  decision(runId: string): Promise<boolean>;
}

/** How far a search has come, as the log and the queues tell. */
export interface SearchProgress {
  /** Another one after every event of the search. */
  readonly print: string;
  /** The last that was heard of it: "trial 7 (rung 0) was evaluated". */
  readonly last: string;
  /** Whether something that it waits for is in a queue. */
  inHand(): Promise<boolean>;
}

/** What the use cases work with. */
export interface Registry {
  collections: Collections;
  outbox: Outbox;
  packages: PackageReader;
  log: EventLog;
  queues: WorkQueues;
  changes: RunChanges;
  logger: Logger;
  /** Milliseconds since the epoch. */
  clock: () => number;
  /** Whether less is better on this metric. */
  lowerIsBetter: (metric: string) => boolean;
}
