import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';

import { BareFits, penguinFits } from './bare-fits.js';
import type { BareFit } from './bare-fits-worker.js';
import type { BenchResult } from './predict.js';

/** Runs before the measured ones. */
const warmUps = 3;
const repetitions = 9;
/** The services that the path goes through, and the monitor beside it. */
const measured = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'];

/**
 * Milliseconds from the publication of the penguins to the first replica that serves their model, beside the time of the
 * bare fits of the same six networks, spread over the same cores in the same run. Measured with TensorFlow.js's kernels
 * and with the compiled engine; medians.
 */
export async function benchPipeline(options: {
  root: string;
  log: (line: string) => void;
}): Promise<BenchResult[]> {
  const bare = await BareFits.open(new URL('./bare-fits-worker.mjs', import.meta.url));
  const bareTimes = new Map<BareFit['engine'], number>();
  try {
    for (const engine of ['tfjs', 'compiled'] as const) {
      const fits = penguinFits(options.root, engine);
      for (let i = 0; i < warmUps; i++) await bare.run(fits);
      const times: number[] = [];
      for (let i = 0; i < repetitions; i++) times.push(await bare.run(fits));
      bareTimes.set(engine, median(times));
      options.log(`bare fits, ${engine}: ${median(times).toFixed(1)} ms`);
    }
  } finally {
    await bare.close();
  }
  const results: BenchResult[] = [];
  for (const engine of ['tfjs', 'compiled'] as const) {
    const value = await publishedToServing(options.root, engine, options.log);
    const engines = engine === 'tfjs' ? (['tfjs'] as const) : (['tfjs', 'compiled'] as const);
    for (const reference of engines) {
      const time = bareTimes.get(reference) ?? NaN;
      results.push({
        case: `publishedToServingMs, ${engine} engine`,
        value: Number(value.toFixed(1)),
        unit: 'ms',
        reference: {
          name: `bare fits of the six networks, ${reference} engine`,
          value: Number(time.toFixed(1)),
        },
        ratio: Number((value / time).toFixed(3)),
      });
    }
  }
  return results;
}

async function publishedToServing(
  root: string,
  engine: string,
  log: (line: string) => void,
): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-pipeline-'));
  const system = await startEmbedded({
    root,
    dataDir,
    anyPorts: true,
    services: measured,
    env: { ROOKERY_TF_BACKEND: 'cpu', ROOKERY_ENGINE: engine },
  });
  const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: system.natsUrl };
  const client = new RookeryClient({ addresses, name: 'bench' });
  try {
    const uri = pathToFileURL(join(root, 'data/penguins.csv')).href;
    const times: number[] = [];
    for (let i = 0; i < warmUps + repetitions; i++) {
      const published = await client.publish({ name: 'penguins', uri, target: 'species' });
      const outcome = await published.outcome;
      await published.stop();
      if (outcome.state !== 'serving') throw new Error(`Run ${outcome.runId} ended as ${outcome.state}`);
      if (i >= warmUps) times.push(outcome.swapped.publishedToServingMs);
    }
    log(`published to serving, ${engine}: ${times.map((time) => time.toFixed(0)).join(' ')} ms`);
    return median(times);
  } finally {
    await client.close();
    await system.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? NaN)
    : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2;
}
