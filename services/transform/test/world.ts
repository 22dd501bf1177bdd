import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { BusEvent, Logger } from '@rookery/bus';
import { artifactTypes, events } from '@rookery/contracts';
import { DatasetIngested, DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { createRandom, createTable, tableToArrow } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** Flowers of three kinds, with gaps, a category that only one row has, a column without values and free text. */
export function flowers(rows = 30, seed = 1): Table {
  const random = createRandom(seed);
  const numbers = (): Float64Array => Float64Array.from({ length: rows }, () => random.normal());
  const length = numbers();
  length[3] = NaN;
  return createTable([
    { name: 'length', type: 'numeric', values: length },
    { name: 'width', type: 'numeric', values: numbers() },
    {
      name: 'place',
      type: 'categorical',
      codes: Int32Array.from({ length: rows }, (_, row) => (row === 5 ? 2 : row === 6 ? -1 : row % 2)),
      categories: ['hill', 'valley', 'roof'],
    },
    { name: 'empty', type: 'numeric', values: new Float64Array(rows).fill(NaN) },
    { name: 'constant', type: 'numeric', values: new Float64Array(rows).fill(7) },
    {
      name: 'note',
      type: 'text',
      codes: Int32Array.from({ length: rows }, () => 0),
      categories: ['free words'],
    },
    {
      name: 'kind',
      type: 'categorical',
      codes: Int32Array.from({ length: rows }, (_, row) => row % 3),
      categories: ['aster', 'bellis', 'crocus'],
    },
    { name: 'weight', type: 'numeric', values: numbers() },
  ]);
}

/** A temporary folder with a store and artifacts in it. */
export async function openFolder(): Promise<{
  store: Store;
  artifacts: ArtifactStore;
  close(): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-transform-'));
  const [store, artifacts] = await Promise.all([
    openStore({ directory, database: 'transform' }),
    openArtifacts({ url: `file://${directory}/artifacts` }),
  ]);
  return {
    store,
    artifacts,
    close: async () => {
      await store.close();
      await artifacts.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** ml.dataset.ingested of a table, whose artifact is stored. */
export async function ingested(
  artifacts: ArtifactStore,
  table: Table,
  request: Partial<DatasetReady>,
  requestEventId: string,
): Promise<DatasetIngested> {
  const artifact = await artifacts.put(tableToArrow(table), artifactTypes.dataset);
  return DatasetIngested.fromPartial({
    datasetId: `ds-${requestEventId}`,
    name: 'flowers',
    version: 1,
    artifact,
    rows: table.rows,
    request: DatasetReady.fromPartial({
      name: 'flowers',
      uri: 'file:///flowers.csv',
      target: 'kind',
      ...request,
    }),
    requestEventId,
    requestedAtMs: 1_700_000_000_000,
  });
}

/** The event as the bus hands it over. */
export function delivered(data: DatasetIngested, deliveryCount = 1): BusEvent<DatasetIngested> {
  return {
    id: `ingested-${data.requestEventId}`,
    type: events.datasetIngested.type,
    subject: events.datasetIngested.subject(data.name),
    key: data.name,
    source: '/services/ingest',
    time: new Date(1_700_000_000_500),
    correlationId: data.requestEventId,
    deliveryCount,
    stream: 'ML_EVENTS',
    sequence: 1,
    data,
    raw: new Uint8Array(),
  };
}
