import type { OutboxEntry } from '@rookery/bus';
import type { Collection, Store } from '@rookery/store';

import type { BatchLedger } from '../domain/batch-ledger.js';
import type { StoredPredictionRow } from '../domain/prediction-window.js';

/** A model version that is watched. */
export interface VersionDocument {
  /** model@version. */
  _id: string;
  model: string;
  version: number;
  referenceSha256: string;
  /** Class labels in the order of the outputs; empty for a regression. Absent until the registration has come. */
  classes?: string[];
  /** Multi-label: what stands between the labels of a set; absent for any other task. */
  labelSeparator?: string;
}

/** The version that is champion of a model. */
export interface ChampionDocument {
  /** Model name. */
  _id: string;
  version: number;
  /** Grows with every move of the alias: an older promotion never wins. */
  revision: number;
}

/** A batch of captured predictions, as it came. */
export interface CaptureDocument {
  /** Life of the replica and number of the batch: a batch delivered twice is one document. */
  _id: string;
  model: string;
  version: number;
  /** Newest prediction, milliseconds since the epoch. */
  timeMs: number;
  features: string[];
  classes: string[];
  predictions: StoredPredictionRow[];
}

/** What one life of a replica sent. */
export interface ReplicaDocument {
  /** Life of the replica process. */
  _id: string;
  /** Batches taken in. */
  batches: number;
  /** Highest batch number. */
  lastBatch: number;
  dropped: number;
  /** Predictions taken in by model@version. */
  counts: Record<string, number>;
  /** Which batches were taken in, so that one delivered twice is counted once. */
  ledger: BatchLedger;
}

/** The truth about a prediction. */
export interface LabelDocument {
  /** Prediction id. */
  _id: string;
  label: string;
  /** When it was given, and where it stands in the log: the newest label of a prediction counts. */
  timeMs: number;
  sequence: number;
  /** model@version of its prediction, once that has come. */
  versionKey?: string;
}

/** Why a report was made. */
export type ReportTrigger = 'on_demand' | 'count' | 'scheduled';

/** A report as it is kept. */
export interface ReportDocument {
  _id: string;
  model: string;
  version: number;
  windowEndMs: number;
  createdAtMs: number;
  trigger: ReportTrigger;
  /** Predictions of the version taken in when it was made. */
  taken: number;
  /** Report as proto3 JSON text: new categories are keys of a map, and no store takes every key as a field name. */
  report: string;
  outbox: OutboxEntry[];
}

/** All that the monitor keeps. */
export interface Collections {
  readonly versions: Collection<VersionDocument>;
  readonly champions: Collection<ChampionDocument>;
  readonly captures: Collection<CaptureDocument>;
  readonly replicas: Collection<ReplicaDocument>;
  readonly labels: Collection<LabelDocument>;
  readonly reports: Collection<ReportDocument>;
}

/** Opens the monitor's collections with their indexes. */
export async function openCollections(store: Store): Promise<Collections> {
  const [versions, champions, captures, replicas, labels, reports] = await Promise.all([
    store.collection<VersionDocument>('versions', { indexes: [{ fields: ['model'] }] }),
    store.collection<ChampionDocument>('champions'),
    store.collection<CaptureDocument>('captures', {
      indexes: [
        { fields: ['model', 'version', 'timeMs'] },
        { fields: ['model'] },
        { fields: ['predictions.id'] },
      ],
    }),
    store.collection<ReplicaDocument>('replicas'),
    store.collection<LabelDocument>('labels', { indexes: [{ fields: ['versionKey'], sparse: true }] }),
    store.collection<ReportDocument>('reports', {
      indexes: [{ fields: ['model'] }, { fields: ['outbox.id'], sparse: true }],
    }),
  ]);
  return { versions, champions, captures, replicas, labels, reports };
}
