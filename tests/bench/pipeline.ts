import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';

import { BareFits, penguinFits } from './bare-fits.js';
import type { BareFit } from './bare-fits-worker.js';
import { cpuMsOf } from './cpu-time.js';
import { watchHops } from './hops.js';
import type { Hop } from './hops.js';
import type { BenchResult } from './predict.js';

/** Runs before the measured ones: what V8 compiles of the services it has compiled by then. */
const warmUps = 10;
const repetitions = 21;
/** The services that the path goes through, and the monitor beside it. */
const measured = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'];
/** The default, and TensorFlow.js's own kernels. */
const engines: readonly BareFit['engine'][] = ['auto', 'tfjs'];

/**
 * Milliseconds from the publication of the penguins to the first replica that serves their model, beside the time of the
 * bare fits of the same six networks, spread over the same cores in the same run: with the default engine and with
 * TensorFlow.js's kernels. Medians; `extra` has the fastest run, the first one (cold), the time of each stretch of the path
 * and the processor time of each process a run.
 */
export async function benchPipeline(options: {
  root: string;
  log: (line: string) => void;
}): Promise<BenchResult[]> {
  const bareTimes = await measureBareFits(options);
  const results: BenchResult[] = [];
  for (const engine of engines) {
    const { value, extra } = await publishedToServing(options.root, engine, options.log);
    const reference = bareTimes.get(engine) ?? NaN;
    results.push({
      case: `publishedToServingMs, ${engine} engine`,
      value: round(value),
      unit: 'ms',
      reference: { name: `bare fits of the six networks, ${engine} engine`, value: round(reference) },
      ratio: Number((value / reference).toFixed(3)),
      extra,
    });
  }
  return results;
}

async function measureBareFits(options: {
  root: string;
  log: (line: string) => void;
}): Promise<Map<BareFit['engine'], number>> {
  const times = new Map<BareFit['engine'], number>();
  const bare = await BareFits.open(new URL('./bare-fits-worker.mjs', import.meta.url));
  try {
    for (const engine of engines) {
      const fits = penguinFits(options.root, engine);
      for (let i = 0; i < 3; i++) await bare.run(fits);
      const runs: number[] = [];
      for (let i = 0; i < 9; i++) runs.push(await bare.run(fits));
      times.set(engine, median(runs));
      options.log(`bare fits, ${engine}: ${median(runs).toFixed(1)} ms`);
    }
  } finally {
    await bare.close();
  }
  return times;
}

/** Publishes the penguins again and again to a system of its own. */
export async function publishedToServing(
  root: string,
  engine: BareFit['engine'],
  log: (line: string) => void,
): Promise<{ value: number; extra: Record<string, number> }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-pipeline-'));
  const system = await startEmbedded({
    root,
    dataDir,
    anyPorts: true,
    services: measured,
    env: { ROOKERY_ENGINE: engine, ...(engine === 'tfjs' ? { ROOKERY_TF_BACKEND: 'cpu' } : {}) },
  });
  const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: system.natsUrl };
  const client = new RookeryClient({ addresses, name: 'bench' });
  try {
    const uri = pathToFileURL(join(root, 'data/penguins.csv')).href;
    const watch = await watchHops(await client.bus());
    const times: number[] = [];
    const hops: Hop[][] = [];
    let before = cpuTimes(system);
    for (let i = 0; i < warmUps + repetitions; i++) {
      if (i === warmUps) before = cpuTimes(system);
      watch.begin();
      const published = await client.publish({ name: 'penguins', uri, target: 'species' });
      const outcome = await published.outcome;
      await published.stop();
      if (outcome.state !== 'serving') throw new Error(`Run ${outcome.runId} ended as ${outcome.state}`);
      times.push(outcome.swapped.publishedToServingMs);
      hops.push(watch.hops());
    }
    const cpu = cpuTimes(system).map(({ name, ms }) => ({
      name,
      ms: (ms - (before.find((one) => one.name === name)?.ms ?? NaN)) / repetitions,
    }));
    await watch.stop();
    const warm = times.slice(warmUps);
    const stretches = hops[0]!.map(({ name }, at) => ({
      name,
      ms: median(hops.slice(warmUps).map((run) => run[at]!.ms)),
    }));
    log(`published to serving, ${engine}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`);
    log(`  hops, ms: ${listed(stretches)}`);
    log(`  processor time a run, ms: ${listed(cpu)}`);
    const extra = {
      fastestMs: round(Math.min(...warm)),
      firstMs: round(times[0]!),
      ...Object.fromEntries(stretches.map(({ name, ms }) => [`hop, ${name}`, round(ms)])),
      ...Object.fromEntries(cpu.map(({ name, ms }) => [`cpu, ${name}`, round(ms)])),
    };
    return { value: median(warm), extra };
  } finally {
    await client.close();
    await system.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Processor time of every process of the system so far, and of all together. */
function cpuTimes(system: EmbeddedSystem): Hop[] {
  const each = [...system.processes].map(([name, { pid }]) => ({ name, ms: cpuMsOf(pid) ?? NaN }));
  return [...each, { name: 'all', ms: each.reduce((sum, { ms }) => sum + ms, 0) }];
}

function listed(parts: readonly Hop[]): string {
  return parts.map(({ name, ms }) => `${name} ${ms.toFixed(1)}`).join(', ');
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
