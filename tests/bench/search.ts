import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import type { RunStep } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';

import { BareFits, penguinFits } from './bare-fits.js';
import type { BenchResult } from './predict.js';
import { peakMegabytes } from './process-figures.js';

const trials = 100;
const services = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'];
/** Runs before anything is measured: what V8 compiles of the services it has compiled by then. */
const warmUps = 5;
/** Between an answer and the next call. */
const betweenCallsMs = 5;
/** Calls that are measured before the search. */
const quietCalls = 400;

const penguin = {
  island: 'Biscoe',
  culmen_length_mm: 47.5,
  culmen_depth_mm: 15,
  flipper_length_mm: 218,
  body_mass_g: 4_950,
  sex: 'male',
};

interface World {
  readonly root: string;
  readonly system: EmbeddedSystem;
  readonly client: RookeryClient;
  readonly log: (line: string) => void;
}

/**
 * A random search of 100 trials × 5 folds of the penguins, one event, to the best trial's model being served; beside the bare fits of as
 * many networks on the same cores. While it runs: a caller's predictions, another run, and what each process holds at most, beside
 * the same before the search.
 */
export async function benchSearch(options: {
  readonly root: string;
  readonly log: (line: string) => void;
}): Promise<BenchResult[]> {
  const bare = await bareSeconds(options.root);
  options.log(`${trials} × 5 bare fits: ${bare.toFixed(2)} s`);
  const dataDir = await mkdtemp(join(tmpdir(), 'rookery-bench-search-'));
  const system = await startEmbedded({ root: options.root, dataDir, anyPorts: true, services });
  const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: system.natsUrl };
  const client = new RookeryClient({ addresses, name: 'bench' });
  try {
    return await measureSearch({ ...options, system, client }, bare);
  } finally {
    await client.close();
    await system.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function measureSearch(world: World, bare: number): Promise<BenchResult[]> {
  const { client, system, log } = world;
  let alone = 0;
  for (let i = 0; i < warmUps; i += 1) alone = await runOf(world);
  const quiet = await timesOfCalls(client, () => quietCalls);
  const peaksBefore = services.map((name) => peakMegabytes(system, name));

  let searching = true;
  const calls = timesOfCalls(client, () => (searching ? Infinity : 0));
  const ended: string[] = [];
  const search = client.publish(
    {
      name: 'searched',
      uri: tableOf(world.root),
      target: 'species',
      search: {
        strategy: 'random',
        trials,
        space: { 'modelSpec.optimizer.learningRate': { logUniform: [0.001, 0.3] } },
      },
    },
    (step: RunStep) => void ended.push(step.kind),
  );
  // The other run is published while the search is under way.
  const others: number[] = [];
  const other = (async () => {
    while (searching) others.push(await runOf(world));
  })();
  const published = await search;
  const outcome = await published.outcome;
  searching = false;
  await published.stop();
  await other;
  const during = await calls;
  if (outcome.state !== 'serving') throw new Error(`The search ended as ${JSON.stringify(outcome)}`);

  const took = outcome.swapped.publishedToServingMs / 1000;
  const betweenRuns = others.slice(0, -1);
  log(`${trials} trials: ${took.toFixed(2)} s; ${betweenRuns.length} other runs meanwhile`);
  log(`${during.length} calls during the search, ${quiet.length} before`);
  return [
    caseOf(
      `${trials} trials × 5 folds, publication to serving`,
      took,
      's',
      'the bare fits of as many networks',
      bare,
    ),
    caseOf('median call during the search', quantile(during, 0.5), 'ms', 'before it', quantile(quiet, 0.5)),
    caseOf(
      '99 of 100 calls during the search',
      quantile(during, 0.99),
      'ms',
      'before it',
      quantile(quiet, 0.99),
    ),
    caseOf('another run during the search', quantile(betweenRuns, 0.5), 'ms', 'before it', alone),
    ...services.map((name, i) =>
      caseOf(
        `peak memory of ${name}`,
        peakMegabytes(system, name),
        'MB',
        'before the search',
        peaksBefore[i]!,
      ),
    ),
  ];
}

/** Publication to serving of the penguins, in ms. */
async function runOf({ root, client }: World): Promise<number> {
  const published = await client.publish({ name: 'penguins', uri: tableOf(root), target: 'species' });
  const outcome = await published.outcome;
  await published.stop();
  if (outcome.state !== 'serving') throw new Error(`Run ${outcome.runId} ended as ${outcome.state}`);
  return outcome.swapped.publishedToServingMs;
}

/** Milliseconds of calls by one caller, one after the other, as long as fewer than `wanted` are made. Throws where one fails. */
async function timesOfCalls(client: RookeryClient, wanted: () => number): Promise<number[]> {
  const times: number[] = [];
  while (times.length < wanted()) {
    const startedAt = performance.now();
    await client.predict('penguins', [penguin]);
    times.push(performance.now() - startedAt);
    await pause(betweenCallsMs);
  }
  return times;
}

async function bareSeconds(root: string): Promise<number> {
  const bare = await BareFits.open(new URL('./bare-fits-worker.mjs', import.meta.url));
  try {
    const folds = penguinFits(root, 'auto').slice(0, 5);
    for (let i = 0; i < 3; i += 1) await bare.run(folds);
    return (await bare.run(Array.from({ length: trials }, () => folds).flat())) / 1000;
  } finally {
    await bare.close();
  }
}

function tableOf(root: string): string {
  return pathToFileURL(join(root, 'data/penguins.csv')).href;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

function caseOf(name: string, value: number, unit: string, reference: string, its: number): BenchResult {
  const round = (x: number): number => Number(x.toPrecision(3));
  return {
    case: name,
    value: round(value),
    unit,
    reference: { name: reference, value: round(its) },
    ratio: round(value / its),
  };
}
