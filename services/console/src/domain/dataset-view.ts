import { columnTypeFromProto } from '@rookery/contracts';
import type { ColumnTypeName } from '@rookery/contracts';
import type { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';

import { hintOf } from './error-view.js';

/** A version of a data set, or a rejected request. */
export interface DatasetView {
  readonly datasetId: string;
  readonly name: string;
  /** Null for a rejected request. */
  readonly version: number | null;
  readonly state: 'ingested' | 'rejected';
  readonly rows: number;
  readonly columns: readonly {
    readonly name: string;
    readonly type: ColumnTypeName | '';
    readonly missing: number;
  }[];
  readonly uri: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly sourceSha256: string;
  readonly createdAtMs: number;
  readonly requestEventId: string;
  readonly runId: string;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** A data set as the list shows it; a rejection carries the advice of its error code. */
export function datasetView(dataset: Dataset): DatasetView {
  return {
    datasetId: dataset.datasetId,
    name: dataset.name,
    version: dataset.version || null,
    state: dataset.state === 'rejected' ? 'rejected' : 'ingested',
    rows: dataset.rows,
    columns: dataset.columns.map(({ name, type, missing }) => ({
      name,
      type: columnTypeFromProto(type) ?? '',
      missing,
    })),
    uri: dataset.uri,
    sha256: dataset.artifact?.sha256 ?? '',
    bytes: dataset.artifact?.bytes ?? 0,
    sourceSha256: dataset.sourceSha256,
    createdAtMs: dataset.createdAtMs,
    requestEventId: dataset.requestEventId,
    runId: dataset.runId,
    code: dataset.code,
    message: dataset.message,
    hint: hintOf(dataset.code),
  };
}

/** The stored profile; null where there is none or it can't be read. Its shape is TableProfile of @rookery/tabular. */
export function profileView(json: string): unknown {
  if (json === '') return null;
  try {
    return JSON.parse(json) as unknown;
  } catch {
    return null;
  }
}
