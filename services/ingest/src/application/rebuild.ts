import { datasetIdOf, events } from '@rookery/contracts';
import type { OutboxCollection } from '@rookery/bus';
import type { DatasetIngested, DatasetRejected } from '@rookery/proto/rookery/events/v1/dataset';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import { columnsFromProto, versionKeyOf } from '../domain/dataset-record.js';
import type { IngestedRecord, RejectedRecord } from '../domain/dataset-record.js';
import type { Catalogue } from './ports.js';
import { shortUri } from './read-source.js';

/** How the catalogue comes out of the log: from what ingest itself announced. No source is read again. */
export function ingestRebuild(
  catalogue: Pick<Catalogue, 'restore'>,
  collection: OutboxCollection & { readonly name: string },
): RebuildSpec {
  return {
    collections: [collection.name],
    outboxes: [collection],
    projections: [
      projection(events.datasetIngested, (event) =>
        catalogue.restore(ingestedRecord(event.data, event.time)),
      ),
      projection(events.datasetRejected, (event) =>
        catalogue.restore(rejectedRecord(event.data, event.time)),
      ),
    ],
  };
}

/** The record that an `ml.dataset.ingested` announced. */
export function ingestedRecord(data: DatasetIngested, time: Date): IngestedRecord {
  const { artifact, profile } = data;
  const none = { sha256: '', bytes: 0, mediaType: '' };
  return {
    _id: data.datasetId,
    name: data.name,
    uri: shortUri(data.request?.uri ?? ''),
    requestEventId: data.requestEventId,
    createdAtMs: time.getTime(),
    state: 'ingested',
    version: data.version,
    versionKey: versionKeyOf(data.name, data.version),
    artifact: artifact ?? none,
    profile: profile ?? none,
    rows: data.rows,
    columns: columnsFromProto(data.columns),
    sourceSha256: data.sourceSha256,
    outbox: [],
  };
}

/** The record that an `ml.dataset.rejected` announced. */
export function rejectedRecord(data: DatasetRejected, time: Date): RejectedRecord {
  return {
    _id: datasetIdOf(data.requestEventId),
    name: data.name,
    uri: data.uri,
    requestEventId: data.requestEventId,
    createdAtMs: time.getTime(),
    state: 'rejected',
    code: data.code,
    message: data.message,
    ...(data.givenUp ? { givenUp: true } : {}),
    ...(data.redrives > 0 ? { redrives: data.redrives } : {}),
    outbox: [],
  };
}
