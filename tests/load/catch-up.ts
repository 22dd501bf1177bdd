import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import { PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';

import type { Violation } from '../chaos/history.js';
import { clientOf } from '../suite/client-of.js';
import { Started } from '../suite/started.js';
import { inFolder } from '../suite/suite-run.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { checkRedeliveries, compareMemory } from './bounds.js';
import type { ServiceMemory } from './bounds.js';
import { readDeliveries, redeliveriesOf } from './deliveries.js';
import { residentBytes, watchMemory } from './process-memory.js';

/** What waits for a monitor that was away. */
export interface CatchUpOptions extends SuiteRun {
  /** Captured predictions. */
  readonly captures: number;
  /** Most memory that the monitor may take, MiB: its idle footprint and the predictions that it keeps, whatever waits. */
  readonly mostMiB: number;
}

/** What came of it. */
export interface CatchUpReport {
  readonly captures: number;
  /** From the start of the monitor until it had taken in all. */
  readonly seconds: number;
  readonly redeliveries: number;
  readonly services: readonly ServiceMemory[];
  readonly violations: readonly Violation[];
}

const rowsOfBatch = 500;
const model = 'away';
/** Longest time without a further batch. */
const standstillMs = 60_000;

/** Publishes captures while no monitor runs, then starts one and watches it until it has taken in all. */
export async function runCatchUp(options: CatchUpOptions): Promise<CatchUpReport> {
  return inFolder(options, {
    name: 'captures',
    start: () => Promise.resolve(new Started()),
    work: (started, directory) => catchUp(started, directory, options),
    keepAfter: ({ violations }) => violations.length > 0,
  });
}

async function catchUp(
  started: Started,
  directory: string,
  { root, log, ...options }: CatchUpOptions,
): Promise<CatchUpReport> {
  const start = async (name: string, services: readonly string[], natsUrl: string): Promise<EmbeddedSystem> =>
    started.add(
      await startEmbedded({
        root,
        anyPorts: true,
        readyDeadlineMs: 90_000,
        dataDir: join(directory, name),
        services,
        env: { ROOKERY_NATS_URL: natsUrl },
      }),
      (one) => one.stop(),
    );
  const { natsUrl } = await start('broker', [], '');
  const bus = started.add(await connectBus({ url: natsUrl, name: 'load' }), (one) => one.close());
  await bus.ensureTopology();
  const batches = Math.ceil(options.captures / rowsOfBatch);
  await publishBatches(bus, batches);
  log(`${batches * rowsOfBatch} captures wait in ${batches} batches`);

  const startedAt = Date.now();
  const system = await start('system', ['monitor'], natsUrl);
  const monitor = system.processes.get('monitor');
  const idle = new Map([['monitor', residentBytes(monitor?.pid) ?? 0]]);
  const memory = watchMemory(new Map([['monitor', { pid: monitor?.pid }]]));
  await untilTakenIn(bus, log);
  const seconds = (Date.now() - startedAt) / 1000;
  const services = compareMemory(idle, memory.peaks());
  memory.stop();
  const redelivered = redeliveriesOf(await readDeliveries(bus.nc));
  const client = started.add(clientOf(system, 'load', natsUrl), (one) => one.close());
  const kept = await client.predictions({ model, limit: 10 });
  const violations: Violation[] = [...checkRedeliveries(redelivered)];
  const lag = await bus.jsm.consumers.info(events.predictionCaptured.stream, 'monitor-captures');
  if (lag.num_pending + lag.num_ack_pending > 0) {
    const evidence = `${lag.num_pending} batches wait, ${lag.num_ack_pending} are in hand`;
    violations.push({ invariant: 'every capture is taken in', subject: 'monitor', evidence });
  }
  const newest = kept.map(({ predictionId }) => predictionId)[0];
  if (newest !== idOf(batches, rowsOfBatch - 1)) {
    const evidence = `the newest kept is ${newest}`;
    violations.push({ invariant: 'the newest captures are kept', subject: 'monitor', evidence });
  }
  for (const { name, peakMiB } of services) {
    if (peakMiB <= options.mostMiB) continue;
    const evidence = `${peakMiB} MiB; ${options.mostMiB} are allowed`;
    violations.push({ invariant: 'memory is bounded', subject: name, evidence });
  }
  const redeliveries = [...redelivered.values()].reduce((sum, count) => sum + count, 0);
  const captures = batches * rowsOfBatch;
  return { captures, seconds: Number(seconds.toFixed(1)), redeliveries, services, violations };
}

function idOf(batch: number, row: number): string {
  return `capture-${batch}-${row}`;
}

async function publishBatches(bus: Bus, batches: number): Promise<void> {
  const features = [
    'island',
    'culmen_length_mm',
    'culmen_depth_mm',
    'flipper_length_mm',
    'body_mass_g',
    'sex',
  ];
  const startMs = Date.now() - batches * 1_000;
  for (let batch = 1; batch <= batches; batch += 1) {
    const data = PredictionsCaptured.fromPartial({
      model,
      version: 1,
      replica: 'load',
      replicaLife: 'life',
      batch,
      features,
      classes: ['Adelie', 'Chinstrap', 'Gentoo'],
      predictions: Array.from({ length: rowsOfBatch }, (_, row) => ({
        predictionId: idOf(batch, row),
        timeMs: startMs + batch * 1_000 + row,
        values: [
          { kind: { $case: 'text', value: 'Dream' } },
          ...[39.1 + row, 18.7, 181 + batch, 3750].map((value) => ({
            kind: { $case: 'number', value } as const,
          })),
          { kind: { $case: 'text', value: 'MALE' } },
        ],
        label: 'Adelie',
        outputs: [0.9, 0.05, 0.05],
      })),
    });
    await bus.publish(events.predictionCaptured, model, data, { id: `life-${batch}` });
  }
}

/** Waits until the monitor has nothing left; gives up where it gets no further: the check tells. */
async function untilTakenIn(bus: Bus, log: (line: string) => void): Promise<void> {
  let left = Infinity;
  let lastAt = Date.now();
  for (let looks = 1; Date.now() - lastAt < standstillMs; looks += 1) {
    const info = await bus.jsm.consumers.info(events.predictionCaptured.stream, 'monitor-captures');
    const now = info.num_pending + info.num_ack_pending;
    if (now === 0) return;
    if (now < left) lastAt = Date.now();
    left = now;
    if (looks % 40 === 0) log(`${now} batches are left`);
    await sleep(250);
  }
}
