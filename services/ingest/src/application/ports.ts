import type { ArtifactRef } from '@rookery/artifacts';
import type { BusEvent, EventMeta } from '@rookery/bus';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import type { DatasetRecord, IngestedRecord, RejectedRecord } from '../domain/dataset-record.js';

/** The bytes behind a uri, as they arrive. */
export interface OpenedSource {
  /**
   * Fails with a RookeryError: terminal where the source is wrong, retryable where it may answer later. A chunk holds its bytes
   * until the next one is asked for: whoever needs them longer copies them.
   */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Size as the source gives it, if it does: a hint, never trusted. */
  readonly bytes?: number | undefined;
}

/** Opens a uri. */
export interface Sources {
  open(uri: string, signal: AbortSignal): Promise<OpenedSource>;
}

/** The part of the artifact store that ingest uses. */
export interface Artifacts {
  put(bytes: Uint8Array, mediaType: string): Promise<ArtifactRef>;
  putStream(source: AsyncIterable<Uint8Array>, mediaType: string): Promise<ArtifactRef>;
  get(sha256: string): Promise<Uint8Array>;
}

/** What is known of a version before it has its number. */
export type NewVersion = Omit<IngestedRecord, 'version' | 'versionKey' | 'outbox' | 'state'>;

/** What is known of a rejection, with what only its event says. */
export interface NewRejection extends Omit<RejectedRecord, 'outbox' | 'state'> {
  readonly hint: string;
  readonly details: Readonly<Record<string, string>>;
}

/** Data set versions and rejections, each saved together with the event that announces it. */
export interface Catalogue {
  find(datasetId: string): Promise<DatasetRecord | null>;
  /** A version by number, or the latest for 0; ingested ones only. */
  findVersion(name: string, version: number): Promise<IngestedRecord | null>;
  /** Newest first; of one name where it is not empty. */
  list(name: string, limit: number, offset: number): Promise<DatasetRecord[]>;
  /**
   * Gives the version the next number of its name and saves it together with its ml.dataset.ingested. Where the id
   * is there already, that record stays; but a rejection that was given up gives way to an event sent again.
   */
  addVersion(version: NewVersion, cause: BusEvent<DatasetReady>): Promise<void>;
  /** Saves the rejection together with its ml.dataset.rejected; gives way and stays as `addVersion` says. */
  addRejection(rejection: NewRejection, cause: EventMeta): Promise<void>;
  /** Saves a record as the log tells it, unless its id or its version is there already. */
  restore(record: DatasetRecord): Promise<void>;
  /** Publishes what the record announces and is not sent yet. */
  announce(datasetId: string): Promise<void>;
}
