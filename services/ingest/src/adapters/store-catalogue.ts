import { derivedEventId, events, RetryableError, runIdOf } from '@rookery/contracts';
import type { EventMeta, Outbox } from '@rookery/bus';
import { DuplicateKeyError } from '@rookery/store';
import type { Collection, IndexSpec, Store } from '@rookery/store';

import type { Catalogue } from '../application/ports.js';
import { columnsToProto, opensAgain, versionKeyOf } from '../domain/dataset-record.js';
import type { DatasetRecord, IngestedRecord, RejectedRecord } from '../domain/dataset-record.js';
import { datasetKey } from '../domain/training-request.js';

const indexes: readonly IndexSpec[] = [
  { fields: ['versionKey'], unique: true, sparse: true },
  { fields: ['name', 'version'] },
  { fields: ['createdAtMs'] },
  { fields: ['outbox.id'], sparse: true },
];

/** What the id of an announcement is derived from beside its request: each redrive is announced for itself. */
function redriveParts({ redriveCount }: EventMeta): string[] {
  return redriveCount === undefined ? [] : [`redrive-${redriveCount}`];
}

/** How often the next number is tried where other processes take numbers of the same name. */
const MAX_TRIES = 50;

/** The catalogue and the collection behind it (for the outbox's recovery). */
export interface StoreCatalogue extends Catalogue {
  readonly collection: Collection<DatasetRecord>;
}

/**
 * The catalogue as one collection: a document for each event id, with its announcement in the same document. Version
 * numbers have no gaps: the number is part of a unique key of the document, so two can't take the same one.
 */
export async function createStoreCatalogue(store: Store, outbox: Outbox): Promise<StoreCatalogue> {
  const collection = await store.collection<DatasetRecord>('datasets', { indexes });

  const latest = async (name: string): Promise<IngestedRecord | null> => {
    const [found] = await collection.find({ name, state: 'ingested' }, { sort: { version: -1 }, limit: 1 });
    return (found as IngestedRecord | undefined) ?? null;
  };

  return {
    collection,
    find: (datasetId) => collection.findOne({ _id: datasetId }),
    findVersion: async (name, version) =>
      version === 0
        ? latest(name)
        : ((await collection.findOne({ versionKey: versionKeyOf(name, version) })) as IngestedRecord | null),
    list: (name, limit, offset) =>
      collection.find(name === '' ? {} : { name }, { sort: { createdAtMs: -1 }, limit, skip: offset }),
    announce: (datasetId) => outbox.flush(collection, datasetId),

    async addVersion(version, cause) {
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const number = ((await latest(version.name))?.version ?? 0) + 1;
        const entry = outbox.entry(
          events.datasetIngested,
          version.name,
          {
            datasetId: version._id,
            name: version.name,
            version: number,
            artifact: version.artifact,
            rows: version.rows,
            columns: columnsToProto(version.columns),
            profile: version.profile,
            request: cause.data,
            requestEventId: cause.id,
            sourceSha256: version.sourceSha256,
            requestedAtMs: cause.time.getTime(),
          },
          {
            id: derivedEventId(events.datasetIngested.type, cause.id, ...redriveParts(cause)),
            cause,
            correlationId: runIdOf(cause.id),
            timeMs: version.createdAtMs,
          },
        );
        const record: IngestedRecord = {
          ...version,
          state: 'ingested',
          version: number,
          versionKey: versionKeyOf(version.name, number),
          outbox: [entry],
        };
        if (await saved(record, cause)) return;
        const found = await collection.findOne({ _id: version._id });
        if (found !== null && !opensAgain(found, cause)) return;
      }
      throw new RetryableError('RK_STORE_UNAVAILABLE', `No version number of ${version.name} could be taken`);
    },

    async addRejection({ hint, details, ...rejection }, cause) {
      const entry = outbox.entry(
        events.datasetRejected,
        datasetKey(rejection.name),
        {
          name: rejection.name,
          uri: rejection.uri,
          code: rejection.code,
          message: rejection.message,
          hint,
          details: { ...details },
          requestEventId: cause.id,
          givenUp: rejection.givenUp ?? false,
          redrives: rejection.redrives ?? 0,
        },
        {
          id: derivedEventId(events.datasetRejected.type, cause.id, ...redriveParts(cause)),
          cause,
          correlationId: runIdOf(cause.id),
          timeMs: rejection.createdAtMs,
        },
      );
      const record: RejectedRecord = { ...rejection, state: 'rejected', outbox: [entry] };
      await saved(record, cause);
    },

    async restore(record) {
      if (await inserted(record)) return;
      // What was announced later than a rejection that was given up took its place.
      if (record.state === 'ingested') await replaced(record);
      else if (record.redrives !== undefined) await replaced(record, record.redrives);
    },
  };

  /** Inserts a record, or puts it in the place of one that was given up before the event was sent again. */
  async function saved(record: DatasetRecord, { redriveCount = 0 }: EventMeta): Promise<boolean> {
    if (await inserted(record)) return true;
    return redriveCount > 0 && replaced(record, redriveCount);
  }

  /** Puts a record in the place of a rejection: of one that was given up before this many redrives, where they are given. */
  async function replaced(record: DatasetRecord, redriveCount?: number): Promise<boolean> {
    const { _id, outbox: entries, ...fields } = record;
    const earlier =
      redriveCount === undefined
        ? {}
        : { givenUp: true, $or: [{ redrives: { $exists: false } }, { redrives: { $lt: redriveCount } }] };
    const gone = ['code', 'message', 'givenUp', 'redrives'].filter((field) => !(field in fields));
    const update = {
      $set: { ...fields },
      $unset: Object.fromEntries(gone.map((field) => [field, true])),
      // The rejection's own announcement may still be on its way: both go out, in order.
      $push: { outbox: { $each: [...entries] } },
    };
    try {
      return (await collection.updateOne({ _id, state: 'rejected', ...earlier }, update)).matched > 0;
    } catch (error) {
      if (error instanceof DuplicateKeyError) return false;
      throw error;
    }
  }

  async function inserted(record: DatasetRecord): Promise<boolean> {
    try {
      await collection.insertOne(record);
      return true;
    } catch (error) {
      if (error instanceof DuplicateKeyError) return false;
      throw error;
    }
  }
}
