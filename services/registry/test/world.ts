import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openArtifacts } from '@rookery/artifacts';
import type { ArtifactStore } from '@rookery/artifacts';
import { connectBus, createOutbox } from '@rookery/bus';
import type { Bus, BusEvent, EventMeta, Logger, Outbox } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { derivedEventId, events } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import type { ArtifactRef } from '@rookery/proto/rookery/domain/v1/data';
import type { RunEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { metricDirection } from '@rookery/tabular';

import { openCollections } from '../src/adapters/collections.js';
import { startConsumers } from '../src/adapters/consumers.js';
import { createEventLog } from '../src/adapters/event-log.js';
import { createPackageReader } from '../src/adapters/package-reader.js';
import { createWorkQueues } from '../src/adapters/work-queues.js';
import type { EventLog, Registry, WorkQueues } from '../src/application/ports.js';
import { recover } from '../src/application/recovery.js';
import { createRunChanges } from '../src/application/run-changes.js';
import { watchRun } from '../src/application/watch-run.js';
import { putPackage, runEvents } from './fixtures.js';
import type { RunEvents, RunSpec } from './fixtures.js';

export const quiet: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => quiet,
};

/** A broker that still has everything in hand. */
const fullQueues: WorkQueues = {
  plan: () => Promise.resolve(true),
  search: () => Promise.resolve(undefined),
  job: () => Promise.resolve(true),
  reproduction: () => Promise.resolve(true),
  evaluation: () => Promise.resolve(true),
  decision: () => Promise.resolve(true),
};

/** The registry's use cases over given parts. */
export async function registryOver(
  store: Store,
  artifacts: ArtifactStore,
  outbox: Outbox,
  log: EventLog,
  queues: WorkQueues = fullQueues,
): Promise<Registry> {
  return {
    collections: await openCollections(store),
    outbox,
    packages: createPackageReader(artifacts),
    log,
    queues,
    changes: createRunChanges(),
    logger: quiet,
    clock: Date.now,
    lowerIsBetter: (metric) => metricDirection(metric) === 'lower',
  };
}

/** A temporary folder with a store and artifacts in it. */
export async function openFolder(): Promise<{
  store: Store;
  artifacts: ArtifactStore;
  reopen(): Promise<Store>;
  close(): Promise<void>;
}> {
  const directory = await mkdtemp(join(tmpdir(), 'rookery-registry-'));
  const open = (): Promise<Store> => openStore({ directory, database: 'registry' });
  const artifacts = await openArtifacts({ url: `file://${directory}/artifacts` });
  let store = await open();
  return {
    get store() {
      return store;
    },
    artifacts,
    reopen: async () => {
      await store.close();
      return (store = await open());
    },
    close: async () => {
      await store.close();
      await artifacts.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** `run.evaluated` as the bus would hand it over. */
export function evaluatedEvent(data: RunEvaluated): BusEvent<RunEvaluated> {
  const id = derivedEventId(events.runEvaluated.type, data.runId);
  return { ...metaOf(events.runEvaluated, id, data.runId), data, raw: new Uint8Array() };
}

/** Meta data of an event that nobody published. */
export function metaOf(
  event: EventType<never> | EventType<RunEvaluated>,
  id: string,
  key: string,
): EventMeta {
  return {
    id,
    type: event.type,
    subject: event.subject(key),
    key,
    source: '/services/test',
    time: new Date(),
    correlationId: key,
    traceparent: `00-${'c'.repeat(32)}-${'d'.repeat(16)}-01`,
    deliveryCount: 1,
    stream: event.stream,
    sequence: 1,
  };
}

/** The registry running on a real broker, with another service's bus to publish from. */
export interface World {
  registry: Registry;
  /** Bus of the other services. */
  others: Bus;
  artifacts: ArtifactStore;
  package: ArtifactRef;
  /** Publishes all events of a run and waits for its end. */
  finish(spec?: RunSpec): Promise<Run>;
  publish(run: RunEvents): Promise<void>;
  ended(runId: string): Promise<Run>;
  /** The log's events of a type, once the registry has announced all that it decided: a run is seen to have ended before that. */
  all<T>(event: EventType<T>): Promise<BusEvent<T>[]>;
  /** Stops the registry and starts it again on the same database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a broker, a store and the registry. */
export async function startWorld(): Promise<World> {
  const server: NatsServer = await startNatsServer();
  const folder = await openFolder();
  const others = await connectBus({ url: server.url, name: 'evaluator', logger: quiet });
  await others.ensureTopology();
  const artifacts = await openArtifacts({ url: 'nats:', nc: others.nc });
  const packaged = await putPackage(artifacts);
  let bus: Bus;
  const start = async (store: Store): Promise<Registry> => {
    bus = await connectBus({ url: server.url, name: 'registry', logger: quiet });
    const registry = await registryOver(
      store,
      artifacts,
      createOutbox(bus),
      createEventLog(bus),
      createWorkQueues(bus),
    );
    await recover(registry);
    await startConsumers(bus, registry);
    return registry;
  };
  const world: World = {
    registry: await start(folder.store),
    others,
    artifacts,
    package: packaged,
    publish: (run) => publishRun(others, run),
    finish: async (spec = {}) => {
      const run = runEvents({ package: packaged, ...spec });
      await publishRun(others, run);
      return world.ended(run.runId);
    },
    ended: async (runId) => {
      const never = new AbortController().signal;
      const deadline = AbortSignal.timeout(15_000);
      const times = { appearMs: 10_000, swapMs: 0, pollMs: 1_000 };
      let last: Run | undefined;
      for await (last of watchRun(world.registry, runId, { caller: never, service: deadline }, times));
      if (!last || last.state < RunState.RUN_STATE_PROMOTED) throw new Error(`run ${runId} did not end`);
      return last;
    },
    all: async (event) => {
      await announced(world.registry);
      const seen: BusEvent<never>[] = [];
      const replay = await others.replay(event as EventType<never>, {
        untilCaughtUp: true,
        onEvent: (item) => void seen.push(item),
      });
      await replay.done;
      return seen;
    },
    restart: async () => {
      await bus.close();
      world.registry = await start(await folder.reopen());
    },
    stop: async () => {
      await bus.close();
      await others.close();
      await folder.close();
      await server.stop();
    },
  };
  return world;
}

/** Waits until no document of the registry has an event to send. */
async function announced({ collections }: Registry): Promise<void> {
  const deadline = performance.now() + 15_000;
  for (;;) {
    const { runs, models, reproductions } = collections;
    const waiting = { 'outbox.id': { $gt: '' } };
    const counts = await Promise.all([
      runs.count(waiting),
      models.count(waiting),
      reproductions.count(waiting),
    ]);
    if (counts.every((count) => count === 0)) return;
    if (performance.now() > deadline) throw new Error(`${counts.join('+')} documents are not announced`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** The trace in which the tests publish a run's events. */
export function traceIdOfRun(runId: string): string {
  return `${runId.slice('run-'.length)}${'a'.repeat(16)}`;
}

/** Publishes all events of a run in the order in which the services emit them. */
async function publishRun(bus: Bus, run: RunEvents): Promise<void> {
  const id = (
    type: string,
    ...more: string[]
  ): { id: string; correlationId: string; traceparent: string } => ({
    id: derivedEventId(type, run.runId, ...more),
    correlationId: run.runId,
    traceparent: `00-${traceIdOfRun(run.runId)}-${'b'.repeat(16)}-01`,
  });
  await bus.publish(events.datasetIngested, run.model, run.ingested, id('i'));
  await bus.publish(events.runStarted, run.runId, run.started, id('s'));
  for (const data of run.trained)
    await bus.publish(events.foldTrained, run.runId, data, id('t', String(data.fold)));
  for (const [k, data] of run.foldEvaluated.entries())
    await bus.publish(events.foldEvaluated, run.runId, data, id('e', String(k)));
  await bus.publish(events.runEvaluated, run.runId, run.evaluated, id('r'));
}
