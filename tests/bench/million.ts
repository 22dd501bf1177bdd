import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import type { RunStep } from '@rookery/client';
import { events } from '@rookery/contracts';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import { readExample, writeMillion } from '@rookery/deploy/examples';

import { peakMegabytes, processorSeconds } from './process-figures.js';
import type { BenchResult } from './predict.js';

/** Data sets taken in, one after the other. */
const repetitions = 3;
/** What no process may hold at once. */
const mostMegabytes = 3072;

interface World {
  readonly system: EmbeddedSystem;
  readonly client: RookeryClient;
  readonly file: string;
}

/**
 * Ingest of the million-row example through the real service: from the event to ml.dataset.ingested, with the table typed,
 * profiled and stored; by the clock, and by the processor time of the service, which other work on the machine changes less.
 * Reference: the same file read and hashed by Node alone, in the same run.
 */
export async function benchIngest(options: {
  readonly root: string;
  readonly log: (line: string) => void;
}): Promise<BenchResult[]> {
  return withTable(options, ['ingest'], async ({ system, client, file }) => {
    const megabytes = statSync(file).size / 1e6;
    const rates: { readonly alone: number; readonly taken: number; readonly worked: number }[] = [];
    for (let i = 0; i < repetitions; i++) {
      const alone = megabytes / (await seconds(() => hashOf(file)));
      const name = `million-${i}`;
      const workedBefore = processorSeconds(system, 'ingest');
      const publishedAt = performance.now();
      let took: number | undefined;
      const published = await client.publish(requestOf(options.root, file, name), (step) => {
        if (step.kind === 'ingested') took = (performance.now() - publishedAt) / 1000;
      });
      while (took === undefined) await new Promise((resolve) => setTimeout(resolve, 5));
      await published.stop();
      const worked = processorSeconds(system, 'ingest') - workedBefore;
      rates.push({ alone, taken: megabytes / took, worked: megabytes / worked });
      options.log(
        `${name}: ${(megabytes / took).toFixed(1)} MB/s, ${(megabytes / worked).toFixed(1)} MB per second of ` +
          `processor time; read and hashed alone ${alone.toFixed(1)} MB/s`,
      );
    }
    const alone = median(rates.map((rate) => rate.alone));
    const reference = 'the file read and hashed alone';
    return [
      caseOf('csv taken in', median(rates.map((rate) => rate.taken)), 'MB/s', reference, alone),
      caseOf(
        'csv taken in, by processor time',
        median(rates.map((rate) => rate.worked)),
        'MB/s',
        reference,
        alone,
      ),
      caseOf('peak memory of ingest', peakMegabytes(system, 'ingest'), 'MB', 'the file', megabytes),
    ];
  });
}

/** Hops of a run: from the step before to the last of these, as the client sees them. */
const hops: readonly { readonly name: string; readonly ends: (step: RunStep) => boolean }[] = [
  { name: 'ingest', ends: (step) => step.kind === 'ingested' },
  { name: 'folds planned', ends: (step) => step.kind === 'started' },
  { name: 'the first fold trained', ends: (step) => step.kind === 'trained' },
  { name: 'all folds and the final model trained', ends: (step) => step.kind === 'trained' },
  { name: 'all folds evaluated', ends: (step) => step.kind === 'fold-evaluated' },
  { name: 'joined', ends: (step) => step.kind === 'evaluated' },
  { name: 'promoted', ends: (step) => step.kind === 'promoted' },
  { name: 'served', ends: (step) => step.kind === 'swapped' },
];

/**
 * The million-row example on the whole path: its time in all and hop by hop, processor time and peak memory of every process.
 * Throws where a process held more than 3 GB.
 */
export async function benchMillion(options: {
  readonly root: string;
  readonly log: (line: string) => void;
}): Promise<BenchResult[]> {
  const services = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'];
  return withTable(options, services, async ({ system, client, file }) => {
    const megabytes = statSync(file).size / 1e6;
    const read = await seconds(() => hashOf(file));
    const publishedAt = performance.now();
    const steps: { readonly step: RunStep; readonly at: number }[] = [];
    const published = await client.publish(requestOf(options.root, file, 'million'), (step) => {
      const at = (performance.now() - publishedAt) / 1000;
      steps.push({ step, at });
      if (step.kind !== 'progress') options.log(`${at.toFixed(1)} s: ${step.kind}`);
    });
    const outcome = await published.outcome;
    await published.stop();
    if (outcome.state !== 'serving') throw new Error(`The run ended as ${JSON.stringify(outcome)}`);
    const took = outcome.swapped.publishedToServingMs / 1000;
    const whole = `the file (${megabytes.toFixed(0)} MB) read and hashed alone`;
    const peaks = services.map((name) => ({ name, peak: peakMegabytes(system, name) }));
    const tooMuch = peaks.filter(({ peak }) => peak > mostMegabytes);
    for (const { name, peak } of peaks) {
      const worked = processorSeconds(system, name).toFixed(1);
      options.log(`${name}: at most ${peak.toFixed(0)} MB, ${worked} s of processor time`);
    }
    if (tooMuch.length > 0) {
      const named = tooMuch.map(({ name, peak }) => `${name} ${peak.toFixed(0)} MB`).join(', ');
      throw new Error(`More memory than ${mostMegabytes} MB was held by ${named}`);
    }
    return [
      caseOf('publication to serving', took, 's', whole, read),
      ...hopTimes(steps).map(({ name, time }) =>
        caseOf(`until ${name}`, time, 's', 'publication to serving', took),
      ),
      ...peaks.map(({ name, peak }) =>
        caseOf(`peak memory of ${name}`, peak, 'MB', 'the limit', mostMegabytes),
      ),
    ];
  });
}

/** Seconds from publication to the end of each hop. */
function hopTimes(
  steps: readonly { readonly step: RunStep; readonly at: number }[],
): { readonly name: string; readonly time: number }[] {
  return hops.flatMap(({ name, ends }) => {
    const times = steps.filter(({ step }) => ends(step)).map(({ at }) => at);
    const time = name.startsWith('the first') ? times[0] : times.at(-1);
    return time === undefined ? [] : [{ name, time }];
  });
}

async function withTable<T>(
  { root, log }: { readonly root: string; readonly log: (line: string) => void },
  services: readonly string[],
  measure: (world: World) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-bench-million-'));
  try {
    const { generate } = readExample(root, 'million');
    const file = join(folder, 'million.csv');
    log('making the table …');
    await writeMillion(file, generate!.rows, generate!.seed);
    const system = await startEmbedded({ root, dataDir: join(folder, 'data'), anyPorts: true, services });
    const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: system.natsUrl };
    const client = new RookeryClient({ addresses, name: 'bench' });
    try {
      return await measure({ system, client, file });
    } finally {
      await client.close();
      await system.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function requestOf(
  root: string,
  file: string,
  name: string,
): ReturnType<typeof events.datasetReady.message.fromJSON> {
  const { request } = readExample(root, 'million');
  const json = { ...request, name, uri: pathToFileURL(file).href };
  return events.datasetReady.message.fromJSON(events.datasetReady.prepare?.(json) ?? json);
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1024 * 1024 }))
    hash.update(chunk as Buffer);
  return hash.digest('hex');
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1000;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

function caseOf(name: string, value: number, unit: string, reference: string, its: number): BenchResult {
  const round = (x: number): number => Number(x.toPrecision(4));
  return {
    case: name,
    value: round(value),
    unit,
    reference: { name: reference, value: round(its) },
    ratio: round(value / its),
  };
}
