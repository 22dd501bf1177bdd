import { cpSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { RookeryClient } from '@rookery/client';
import { rebuildCollection } from '@rookery/service-kit';
import { openStore } from '@rookery/store';

import type { TestSystem } from './test-system.js';
import { eventually } from './waiting.js';

/** Services that have a database. */
export const storedServices = ['ingest', 'transform', 'evaluator', 'registry', 'monitor'] as const;

/** A document as it is compared. */
type Shown = Readonly<Record<string, unknown>>;

/** Documents of a database by collection and id. */
export type Documents = Readonly<Record<string, Readonly<Record<string, Shown>>>>;

/** Folder of a service's embedded database. */
export function databaseFolder(world: TestSystem, service: string): string {
  return join(world.system.dataDir, 'store', service);
}

/**
 * All documents of a service's embedded database, read from a copy of its files. Two things are left out: the record of the
 * rebuild itself, and an outbox that is empty, which may as well be absent.
 */
export async function documentsOf(world: TestSystem, service: string): Promise<Documents> {
  const copy = mkdtempSync(join(tmpdir(), 'rookery-copy-'));
  try {
    const folder = databaseFolder(world, service);
    const names = readdirSync(folder).filter((file) => file.endsWith('.db'));
    for (const name of names) cpSync(join(folder, name), join(copy, service, name));
    const store = await openStore({ directory: copy, database: service });
    const found: Record<string, Record<string, Shown>> = {};
    for (const name of store.heldAtOpening.filter((held) => held !== rebuildCollection)) {
      const collection = await store.collection(name);
      found[name] = Object.fromEntries((await collection.find()).map((doc) => [doc._id, shown(doc)]));
    }
    await store.close();
    return found;
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function shown(document: object): Shown {
  const fields: Record<string, unknown> = { ...document };
  const { outbox } = fields;
  if (Array.isArray(outbox) && outbox.length === 0) delete fields['outbox'];
  return fields;
}

/** Everything that the services answer about what they keep. */
export async function answersOf(client: RookeryClient): Promise<Record<string, unknown>> {
  const [datasets, runs, models] = await Promise.all([
    client.datasets({ limit: 1000 }),
    client.runs({ limit: 500 }),
    client.models(),
  ]);
  const kept = datasets.filter(({ state }) => state === 'ingested');
  return {
    datasets,
    profiles: await Promise.all(kept.map(({ name, version }) => client.dataset(name, version))),
    runs,
    everyRun: await Promise.all(runs.map(({ runId }) => client.run(runId))),
    models: await Promise.all(
      models.map(async ({ name, aliases }) => ({
        ...(await client.model(name)),
        histories: await Promise.all(aliases.map(({ alias }) => client.aliasHistory(name, alias))),
        status: await client.monitored(name),
        predictions: await client.predictions({ model: name, limit: 10_000 }),
        reports: await client.reports(name, 1000),
      })),
    ),
  };
}

/** Resolves when every durable consumer has handled all that is there for it, and replicas have sent their captures. */
export async function settled(world: TestSystem): Promise<void> {
  const bus = await world.client.bus();
  await eventually(async () => {
    const { capture } = await world.client.served();
    if ((capture?.buffered ?? 0) > 0) return undefined;
    for (const stream of ['ML_EVENTS', 'ML_JOBS', 'ML_CAPTURES', 'ML_DLQ']) {
      for await (const { num_pending: pending, num_ack_pending: unacked, config } of bus.jsm.consumers.list(
        stream,
      )) {
        if (config.durable_name !== undefined && pending + unacked > 0) return undefined;
      }
    }
    return true;
  }, 'all is handled');
}

/** What a rebuild left in the log of its service. */
export interface RebuildNote {
  readonly reason: string;
  readonly events: number;
  readonly skipped: number;
  readonly ms: number;
}

/** The rebuilds that a service has told of so far. */
export function rebuildNotes(world: TestSystem, service: string): RebuildNote[] {
  const file = join(world.system.dataDir, 'logs', `${service}.log`);
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('the database is rebuilt from the log'))
    .map((line) => JSON.parse(line) as RebuildNote);
}

/**
 * Does something to the databases of frozen services, then kills them; resolves when they were started again, rebuilt their
 * databases and answer.
 */
export async function whileFrozen(
  world: TestSystem,
  services: readonly string[],
  harm: () => void,
): Promise<void> {
  const before = services.map((name) => rebuildNotes(world, name).length);
  const processes = services.map((name) => processOf(world, name));
  for (const item of processes) item.kill('SIGSTOP');
  harm();
  for (const item of processes) item.kill('SIGKILL');
  await Promise.all(
    services.map(async (name, k) => {
      await eventually(
        () => rebuildNotes(world, name).length > (before[k] ?? 0) || undefined,
        `${name} is rebuilt`,
      );
      await world.system.waitReady(name, 30_000);
    }),
  );
}

function processOf(world: TestSystem, name: string): { kill(signal: NodeJS.Signals): boolean } {
  const found = world.system.processes.get(name);
  if (!found) throw new Error(`There is no process ${name}`);
  return found;
}
