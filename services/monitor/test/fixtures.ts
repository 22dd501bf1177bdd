import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import { createOutbox } from '@rookery/bus';
import type { BusEvent, Logger, Outbox } from '@rookery/bus';
import { artifactTypes, columnTypeToProto } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { ReferenceColumn } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import type { ArtifactRef, Value } from '@rookery/proto/rookery/domain/v1/data';
import { ModelPromoted, ModelRegistered } from '@rookery/proto/rookery/events/v1/model';
import { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { buildReferenceColumn, columnByName, createRandom, inferTable, rowAt } from '@rookery/tabular';
import type { CellValue, Column, Table } from '@rookery/tabular';

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** The penguins of the repository, as ingest would type them. */
export const penguins: Table = readPenguins();
export const features = penguins.columns.map(({ name }) => name).filter((name) => name !== 'species');
export const species = ['Adelie', 'Chinstrap', 'Gentoo'];

function readPenguins(): Table {
  const text = readFileSync(new URL('../../../data/penguins.csv', import.meta.url), 'utf8');
  const [head = [], ...lines] = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  return inferTable(
    head,
    head.map((_, at) => lines.map((cells) => cells[at] ?? '')),
  );
}

/** A row of the penguins as features, with its species. */
export interface Penguin {
  readonly values: Readonly<Record<string, CellValue>>;
  readonly species: string;
}

/** `count` rows drawn from the training data. */
export function draw(count: number, seed: number): Penguin[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => {
    const { species: kind, ...values } = rowAt(penguins, random.integer(penguins.rows));
    return { values, species: String(kind) };
  });
}

/** The reference of a model of the penguins whose held-out predictions were all right. */
export function penguinReference(): ReferenceProfile {
  const target = columnByName(penguins, 'species');
  return ReferenceProfile.fromPartial({
    model: 'penguins',
    runId: 'run-1',
    rows: penguins.rows,
    columns: [
      ...features.map((name) => referenceColumn(columnByName(penguins, name), 'feature')),
      referenceColumn(target, 'target'),
      referenceColumn(target, 'prediction'),
    ],
    baseline: { accuracy: 1 },
    task: Task.TASK_MULTICLASS,
    classes: species,
  });
}

/** One column of a reference, as the evaluator writes it. */
export function referenceColumn(column: Column, role: string): ReferenceColumn {
  const reference = buildReferenceColumn(column);
  return {
    name: column.name,
    role,
    type: columnTypeToProto(column.type),
    missing: reference.missing,
    present: reference.n,
    values: reference.type === 'numeric' ? Array.from(reference.values) : [],
    counts: reference.type === 'numeric' ? Array.from(reference.counts) : [],
    exact: true,
    categories: reference.type === 'numeric' ? [] : [...reference.categories],
    categoryCounts: reference.type === 'numeric' ? [] : Array.from(reference.counts),
  };
}

/** A batch of captures of rows that were all predicted right. Ids are `<life>-<batch>-<row>`. */
export function captured(
  rows: readonly Penguin[],
  options: {
    model?: string;
    version?: number;
    life?: string;
    batch?: number;
    fromMs?: number;
    dropped?: number;
  } = {},
): PredictionsCaptured {
  const {
    model = 'penguins',
    version = 1,
    life = 'life1',
    batch = 1,
    fromMs = batch * 1000,
    dropped = 0,
  } = options;
  return PredictionsCaptured.fromPartial({
    model,
    version,
    replica: 'r',
    replicaLife: life,
    batch,
    droppedTotal: dropped,
    features,
    classes: species,
    predictions: rows.map((row, index) => ({
      predictionId: `${life}-${batch}-${index}`,
      timeMs: fromMs + index,
      values: features.map((name) => toValue(row.values[name] ?? null)),
      label: row.species,
      outputs: species.map((name) => (name === row.species ? 0.9 : 0.05)),
    })),
  });
}

export function toValue(cell: CellValue): Value {
  if (typeof cell === 'number') return { kind: { $case: 'number', value: cell } };
  if (typeof cell === 'boolean') return { kind: { $case: 'flag', value: cell } };
  return cell === null ? { kind: undefined } : { kind: { $case: 'text', value: cell } };
}

export function registered(
  model: string,
  version: number,
  reference: ArtifactRef | undefined,
): ModelRegistered {
  return ModelRegistered.fromPartial({
    model,
    version,
    signature: { classes: species, target: 'species' },
    ...(reference ? { reference } : {}),
  });
}

export function promoted(
  model: string,
  version: number,
  aliasRevision: number,
  reference: ArtifactRef | undefined,
  alias = 'champion',
): ModelPromoted {
  return ModelPromoted.fromPartial({
    model,
    version,
    alias,
    aliasRevision,
    ...(reference ? { reference } : {}),
  });
}

let sequence = 0;

/** An event as the bus hands it over; each has its own place in the log unless one is given. */
export function delivered<T>(event: EventType<T>, data: T, more: Partial<BusEvent<T>> = {}): BusEvent<T> {
  sequence += 1;
  return {
    id: `event-${sequence}`,
    type: event.type,
    subject: event.subject('key'),
    key: 'key',
    source: '/test',
    time: new Date(1_700_000_000_000 + sequence),
    correlationId: 'key',
    deliveryCount: 1,
    stream: event.stream,
    sequence,
    data,
    raw: new Uint8Array(),
    ...more,
  };
}

/** An outbox whose bus keeps each id once, as a stream does. */
export function recorder(): { outbox: Outbox; of<T>(event: EventType<T>): T[] } {
  const kept = new Map<string, { type: string; data: unknown }>();
  const outbox = createOutbox({
    publishEncoded: async (event, _key, body, { id }) => {
      const duplicate = kept.has(id);
      if (!duplicate)
        kept.set(id, { type: event.type, data: JSON.parse(Buffer.from(body).toString()) as unknown });
      return { sequence: kept.size, duplicate };
    },
  });
  return {
    outbox,
    of: (event) =>
      [...kept.values()]
        .filter(({ type }) => type === event.type)
        .map(({ data }) => event.message.fromJSON(data)),
  };
}

/** A temporary folder with artifacts and a store that can be opened again. */
export async function openFolder(): Promise<{
  readonly artifacts: ArtifactStore;
  readonly reference: ArtifactRef;
  /** The store; a name of its own gives an empty one. */
  open(database: string): Promise<Store>;
  close(): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-monitor-'));
  const artifacts = await openArtifacts({ url: `file://${directory}/artifacts` });
  const reference = await artifacts.put(
    ReferenceProfile.encode(penguinReference()).finish(),
    artifactTypes.referenceProfile,
  );
  const stores: Store[] = [];
  return {
    artifacts,
    reference,
    open: async (database) => {
      const store = await openStore({ directory, database });
      stores.push(store);
      return store;
    },
    close: async () => {
      await Promise.all(stores.map((store) => store.close()));
      await artifacts.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
