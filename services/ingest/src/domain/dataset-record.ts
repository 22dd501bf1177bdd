import { columnTypeFromProto, columnTypeToProto, runIdOf } from '@rookery/contracts';
import type { ColumnTypeName } from '@rookery/contracts';
import type { OutboxEntry } from '@rookery/bus';
import type { ArtifactRef, ColumnSchema as ColumnSchemaProto } from '@rookery/proto/rookery/domain/v1/data';
import type { Dataset } from '@rookery/proto/rookery/ingest/v1/ingest';

/** A column as it is recorded. */
export interface ColumnRecord {
  readonly name: string;
  readonly type: ColumnTypeName;
  readonly categories: readonly string[];
  readonly missing: number;
}

interface CommonRecord {
  /** Data set id: follows from the id of the event that asked for it. */
  readonly _id: string;
  readonly name: string;
  readonly uri: string;
  readonly requestEventId: string;
  readonly createdAtMs: number;
  readonly outbox: OutboxEntry[];
}

/** A version of a data set. */
export interface IngestedRecord extends CommonRecord {
  readonly state: 'ingested';
  readonly version: number;
  /** `<name>/<version>`: unique, so that no version is given twice. */
  readonly versionKey: string;
  readonly artifact: ArtifactRef;
  readonly profile: ArtifactRef;
  readonly rows: number;
  readonly columns: readonly ColumnRecord[];
  readonly sourceSha256: string;
}

/** A request that was turned down. */
export interface RejectedRecord extends CommonRecord {
  readonly state: 'rejected';
  readonly code: string;
  readonly message: string;
  /** True where the event went to the dead letters: sent again from there, it is taken in again. */
  readonly givenUp?: boolean;
  /** How often the event had been sent again from the dead letters by then. */
  readonly redrives?: number;
}

/** What the catalogue holds for one event. */
export type DatasetRecord = IngestedRecord | RejectedRecord;

/**
 * Whether an event is to be taken in: there is no record of it, or one that was given up before it was sent again from the
 * dead letters. The same redrive twice is one.
 */
export function opensAgain(
  record: DatasetRecord | null,
  { redriveCount = 0 }: { readonly redriveCount?: number },
): boolean {
  if (record === null) return true;
  return record.state === 'rejected' && record.givenUp === true && redriveCount > (record.redrives ?? 0);
}

/** The unique key of a version under its name. */
export function versionKeyOf(name: string, version: number): string {
  return `${name}/${version}`;
}

/** Columns as the events and the API have them. */
export function columnsToProto(columns: readonly ColumnRecord[]): ColumnSchemaProto[] {
  return columns.map((column) => ({
    name: column.name,
    type: columnTypeToProto(column.type),
    categories: [...column.categories],
    missing: column.missing,
  }));
}

/** Columns as they are recorded, from an event; one of a type that is not known is text. */
export function columnsFromProto(columns: readonly ColumnSchemaProto[]): ColumnRecord[] {
  return columns.map((column) => ({
    name: column.name,
    type: columnTypeFromProto(column.type) ?? 'text',
    categories: column.categories,
    missing: column.missing,
  }));
}

/** A record as the API shows it. */
export function datasetToProto(record: DatasetRecord): Dataset {
  const common = {
    datasetId: record._id,
    name: record.name,
    state: record.state,
    uri: record.uri,
    createdAtMs: record.createdAtMs,
    requestEventId: record.requestEventId,
    runId: runIdOf(record.requestEventId),
  };
  if (record.state === 'rejected') {
    return {
      ...common,
      version: 0,
      artifact: undefined,
      rows: 0,
      columns: [],
      sourceSha256: '',
      code: record.code,
      message: record.message,
    };
  }
  return {
    ...common,
    version: record.version,
    artifact: record.artifact,
    rows: record.rows,
    columns: columnsToProto(record.columns),
    sourceSha256: record.sourceSha256,
    code: '',
    message: '',
  };
}
