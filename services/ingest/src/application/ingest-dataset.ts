import { datasetIdOf, RetryableError, toRookeryError } from '@rookery/contracts';
import type { BusEvent, DeadLetter, HandlerContext } from '@rookery/bus';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { profileColumn, schemaOf, sortScratch, tableToArrow } from '@rookery/tabular';
import type { ColumnProfile, Table, TableProfile } from '@rookery/tabular';

import { checkTable } from '../domain/check-table.js';
import { checkCategories } from '../domain/check-categories.js';
import { readTable } from '../domain/formats/read-table.js';
import { checkRequest } from '../domain/training-request.js';
import { opensAgain } from '../domain/dataset-record.js';
import { readSource, shortUri } from './read-source.js';
import type { DatasetLimits } from './read-source.js';
import type { Artifacts, Catalogue, NewVersion, Sources } from './ports.js';
import { readableFields, rejectionOf } from './rejection.js';

/** What the handler of ml.dataset.ready works with. */
export interface IngestDependencies {
  readonly sources: Sources;
  readonly artifacts: Artifacts;
  readonly catalogue: Catalogue;
  readonly limits: DatasetLimits;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Gives timers and other calls their turn during long work. */
  readonly pause: () => Promise<void>;
}

/** Media types of what ingest stores. */
const mediaTypes = { arrow: 'application/vnd.apache.arrow.stream', profile: 'application/json' } as const;

/** Handler of ml.dataset.ready and of its dead letters. */
export interface IngestDataset {
  readonly handle: (event: BusEvent<DatasetReady>, context: HandlerContext) => Promise<void>;
  readonly onDeadLetter: (letter: DeadLetter<DatasetReady>) => Promise<void>;
}

/**
 * Takes in the data set of an event: exactly one record and one announcement for an event id, however often it is
 * delivered. Only an event that was given up, and is sent again from the dead letters, is taken in once more: its record is
 * replaced, and announced anew. A data set that can't be used ends as ml.dataset.rejected and the event as handled; what may
 * succeed later (a server that does not answer, a store that is away) is thrown for another attempt, and ends as
 * rejected on the last one.
 */
export function createIngestDataset(dependencies: IngestDependencies): IngestDataset {
  const { catalogue, clock } = dependencies;

  const handle: IngestDataset['handle'] = async (event, context) => {
    const datasetId = datasetIdOf(event.id);
    try {
      if (opensAgain(await catalogue.find(datasetId), event)) {
        const version = await takeIn(dependencies, event, context.signal);
        await catalogue.addVersion(version, event);
        context.logger.info(
          {
            dataset: event.data.name,
            dataset_id: datasetId,
            rows: version.rows,
            columns: version.columns.length,
          },
          'data set ingested',
        );
      }
    } catch (thrown) {
      const error = toRookeryError(thrown);
      // A handler that was told to stop did not fail: another process does it again.
      if (context.signal.aborted)
        throw new RetryableError('RK_UNAVAILABLE', 'The service is stopping', { cause: thrown });
      if (error instanceof RetryableError && !context.lastAttempt) throw error;
      const fields = { name: event.data.name, uri: event.data.uri };
      await catalogue.addRejection(rejectionOf(event, fields, error, clock()), event);
      context.logger.warn(
        { dataset: fields.name, dataset_id: datasetId, code: error.code, details: error.details },
        `data set rejected: ${error.message}`,
      );
    }
    await catalogue.announce(datasetId);
  };

  const onDeadLetter: IngestDataset['onDeadLetter'] = async (letter) => {
    const fields = letter.event?.data ?? readableFields(letter.raw);
    const rejection = rejectionOf(letter.meta, fields, toRookeryError(letter.error), clock());
    await catalogue.addRejection({ ...rejection, givenUp: true }, letter.meta);
    await catalogue.announce(datasetIdOf(letter.meta.id));
  };

  return { handle, onDeadLetter };
}

async function takeIn(
  dependencies: IngestDependencies,
  event: BusEvent<DatasetReady>,
  signal: AbortSignal,
): Promise<NewVersion> {
  const { sources, artifacts, limits, clock, pause } = dependencies;
  const request = checkRequest(event.data);
  const opened = await sources.open(request.uri, signal);
  const source = await readSource(opened, { ...limits, ...request });
  const { table, dropped } = await readTable(source.bytes, source.format, request.uri, {
    ...limits,
    ...request,
    pause,
  });
  const { task, features } = checkTable(table, request, dropped);
  // The texts of sets of labels are as many as there are sets: they are no categories.
  const classes = task === 'multilabel' ? [] : request.targets;
  const columns = checkCategories(schemaOf(table), new Set([...features, ...classes]));
  signal.throwIfAborted();
  const profile = Buffer.from(JSON.stringify(await profileOf(table, pause)));
  const arrow = tableToArrow(table);
  const [artifact, profileRef] = await Promise.all([
    artifacts.put(arrow, mediaTypes.arrow),
    artifacts.put(profile, mediaTypes.profile),
  ]);
  return {
    _id: datasetIdOf(event.id),
    name: request.name,
    uri: shortUri(request.uri),
    requestEventId: event.id,
    createdAtMs: clock(),
    artifact,
    profile: profileRef,
    rows: table.rows,
    columns,
    sourceSha256: source.sha256,
  };
}

/** Profile of every column; sorting a long one takes a while, so others get their turn in between. */
async function profileOf(table: Table, pause: () => Promise<void>): Promise<TableProfile> {
  const columns: ColumnProfile[] = [];
  const scratch = sortScratch(table.rows);
  for (const column of table.columns) {
    columns.push(profileColumn(column, { scratch }));
    if (table.rows * columns.length > 100_000) await pause();
  }
  return { rows: table.rows, columns };
}
