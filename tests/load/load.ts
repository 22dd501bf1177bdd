import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { events } from '@rookery/contracts';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import { checkEndings, checkEvaluations, endingsOf } from '../chaos/check-runs.js';
import { askServices } from '../chaos/gather.js';
import { runOf } from '../chaos/history.js';
import type { Published, Violation } from '../chaos/history.js';
import { openLogReader } from '../chaos/log-reader.js';
import type { LogReader } from '../chaos/log-reader.js';
import { untilIdle } from '../chaos/waiting.js';
import { inFolder } from '../suite/suite-run.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { checkInHand, checkMemory, checkRedeliveries, compareMemory } from './bounds.js';
import type { ServiceMemory } from './bounds.js';
import { writeLoadDatasets } from './data-sets.js';
import type { LoadDataset } from './data-sets.js';
import { readDeliveries, redeliveriesOf, watchInHand } from './deliveries.js';
import { checkOrder } from './order.js';
import { documentBytes, processorSeconds, watchMemory } from './process-memory.js';
import { waitsOf } from './waits.js';
import type { Waits } from './waits.js';
import { startLoadWorld } from './world.js';
import type { LoadWorld } from './world.js';

/** What to load the system with. */
export interface LoadOptions extends SuiteRun {
  readonly datasets: number;
  /** Trainer processes, of one thread each. */
  readonly trainers: number;
  /** Data sets among them that have {@link bigFactor} times the rows of the others. */
  readonly big: number;
}

/** What came of it. */
export interface LoadReport {
  readonly datasets: number;
  readonly trainers: number;
  /** From the first publication to the end of the last run. */
  readonly seconds: number;
  readonly redeliveries: number;
  readonly services: readonly ServiceMemory[];
  readonly waits: Waits;
  /** Processor seconds by process, during the load. */
  readonly processor: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
}

const bigFactor = 20;
/** Handlers that a service runs at a time, with what it keeps of the data sets before: they bound the data it holds. */
const handsOf: Readonly<Record<string, number>> = { ingest: 2, transform: 2, trainer: 3, evaluator: 8 };
/** Forms in which a data set may be in memory at a time: its text, its columns, its Arrow bytes, features, outputs … */
const forms = 8;
/** Handlers at a time by durable; those of the trainer are its processes. */
const handlersOf = new Map([
  ['ingest', 2],
  ['transform', 2],
  ['evaluator', 4],
  ['registry-fold-trained', 8],
  ['registry-fold-evaluated', 8],
  ['registry-run-evaluated', 8],
]);
/** A handler takes the next message while the broker is still at its last acknowledgement. */
const inHandOf = (handlers: number): number => 2 * handlers;
/** Longest time without the end of any run. */
const standstillMs = 120_000;

/** Starts a whole system, publishes all data sets at once, and holds what happens until all runs have ended against the bounds. */
export async function runLoad(options: LoadOptions): Promise<LoadReport> {
  const { root, datasets: count, trainers } = options;
  return inFolder(options, {
    name: 'load',
    start: (directory) =>
      startLoadWorld({ root, directory, trainers, env: { ROOKERY_TRAINER_WORKERS: '1' } }),
    work: (world, directory) => {
      const files = join(directory, 'data-sets');
      mkdirSync(files);
      const spread = (k: number): number => Math.floor(((k + 1) * count) / (options.big + 1));
      const big = new Set(Array.from({ length: options.big }, (_, k) => spread(k)));
      const plan = { root, directory: files, count: count + 1, bigFactor, big };
      const store = join(directory, 'system/store');
      return loadWorld(world, writeLoadDatasets(plan), options, store);
    },
    keepAfter: ({ violations }) => violations.length > 0,
  });
}

async function loadWorld(
  world: LoadWorld,
  dataSets: readonly LoadDataset[],
  options: LoadOptions,
  store: string,
): Promise<LoadReport> {
  const { log, trainers } = options;
  const documentsMiB = (name: string): number => documentBytes(join(store, name)) / 2 ** 20;
  const reader = openLogReader(world.nats, 'ML_EVENTS');
  const bus = await world.client.bus();
  const publish = async ({ request }: LoadDataset, eventId: string): Promise<Published> => {
    await bus.publish(events.datasetReady, '', DatasetReady.fromPartial(request), { id: eventId });
    return { eventId, name: request.name, model: request.model ?? '', expected: 'completed', round: 0 };
  };
  // What a service loads when it is first needed belongs to its idle footprint: one run before.
  const warmUp = await publish(dataSets[dataSets.length - 1]!, 'load-warm-up');
  await untilEnded([warmUp], reader, log);
  const busy = await untilIdle(world.nats, 30_000);
  const memory = watchMemory(world.processes);
  const inHand = watchInHand(world.nats);
  const idle = memory.peaks();
  const processorBefore = new Map(
    [...world.processes].map(([name, { pid }]) => [name, processorSeconds(pid)]),
  );
  log(`idle: ${[...idle].map(([name, bytes]) => `${name} ${(bytes / 2 ** 20).toFixed(0)}`).join(', ')} MiB`);

  const startedAt = Date.now();
  const published = [warmUp];
  // One after the other, without waiting for anything but the broker: the order of publication is that of the list.
  for (const [k, dataset] of dataSets.slice(0, -1).entries()) {
    published.push(await publish(dataset, `load-${k}`));
  }
  log(`${published.length - 1} data sets published in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  await untilEnded(published, reader, log);
  const seconds = (Date.now() - startedAt) / 1000;
  busy.push(...(await untilIdle(world.nats, 30_000)));

  const peaks = memory.peaks();
  memory.stop();
  await inHand.stop();
  const processor = new Map(
    [...world.processes].map(([name, { pid }]) => [
      name,
      processorSeconds(pid) - (processorBefore.get(name) ?? 0),
    ]),
  );
  const history = await reader.refresh();
  const jobs = await openLogReader(world.nats, 'ML_JOBS').refresh();
  const redelivered = redeliveriesOf(await readDeliveries(world.nats));
  const services = compareMemory(idle, peaks);
  const { runs } = await askServices(world.client, []);
  const largest = Math.max(...dataSets.map(({ bytes }) => bytes)) / 2 ** 20;
  const order = published.slice(1).map(runOf);
  const violations = [
    ...busy.map((evidence) => ({ invariant: 'every message is handled', subject: 'consumers', evidence })),
    ...world.crashes.map((evidence) => ({ invariant: 'no process ends', subject: 'processes', evidence })),
    ...checkEndings({ log: history, published, runs }),
    ...checkEvaluations({ log: history }),
    // Another handler of ingest, and one of transform, may have an earlier one in hand.
    ...checkOrder({ published: order, log: history, jobs, trainers, leeway: 2 }),
    ...checkRedeliveries(redelivered),
    ...checkInHand(
      inHand.most(),
      new Map(
        [...handlersOf, ['trainer', trainers] as const].map(([name, count]) => [name, inHandOf(count)]),
      ),
    ),
    ...checkMemory(
      services.filter(({ name }) => name !== 'nats-server'),
      (name) => (handsOf[name.replace(/-\d+$/, '')] ?? 0) * forms * largest + documentsMiB(name),
    ),
  ];
  return {
    datasets: published.length - 1,
    trainers,
    seconds: Number(seconds.toFixed(1)),
    redeliveries: [...redelivered.values()].reduce((sum, count) => sum + count, 0),
    services,
    waits: waitsOf(order, history, new Set(dataSets.flatMap(({ big }, k) => (big ? [order[k] ?? ''] : [])))),
    processor,
    violations,
  };
}

/** Waits until each has a final state; gives up where none came to an end for {@link standstillMs}: the check tells which. */
async function untilEnded(
  published: readonly Published[],
  reader: LogReader,
  log: (line: string) => void,
): Promise<void> {
  let ended = 0;
  let told = 0;
  let lastAt = Date.now();
  while (Date.now() - lastAt < standstillMs) {
    const endings = endingsOf(await reader.refresh());
    const now = published.filter((one) => endings.has(runOf(one))).length;
    if (now > ended) lastAt = Date.now();
    ended = now;
    if (ended === published.length) return;
    if (ended - told >= 25) {
      told = ended;
      log(`${ended} of ${published.length} runs have ended`);
    }
    await sleep(500);
  }
}
