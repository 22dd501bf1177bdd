import { createHash } from 'node:crypto';
import { createReadStream, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import { events } from '@rookery/contracts';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import { readExample, writeMillion } from '@rookery/deploy/examples';

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
 * profiled and stored. Reference: the same file read and hashed by Node alone, in the same run.
 */
export async function benchIngest(options: {
  readonly root: string;
  readonly log: (line: string) => void;
}): Promise<BenchResult[]> {
  return withTable(options, ['ingest'], async ({ system, client, file }) => {
    const megabytes = statSync(file).size / 1e6;
    const [bare, taken]: [number[], number[]] = [[], []];
    for (let i = 0; i < repetitions; i++) {
      bare.push(megabytes / (await seconds(() => hashOf(file))));
      const publishedAt = performance.now();
      const name = `million-${i}`;
      const published = await client.publish(requestOf(options.root, file, name), (step) => {
        if (step.kind === 'ingested') taken.push(megabytes / ((performance.now() - publishedAt) / 1000));
      });
      while (taken.length <= i) await new Promise((resolve) => setTimeout(resolve, 5));
      await published.stop();
      options.log(`${name}: ${taken[i]!.toFixed(1)} MB/s, read and hashed alone ${bare[i]!.toFixed(1)} MB/s`);
    }
    const peak = peakMegabytes(system, 'ingest');
    return [
      caseOf('csv taken in', median(taken), 'MB/s', 'the file read and hashed alone', median(bare)),
      caseOf('peak memory of ingest', peak, 'MB', 'the file', megabytes),
    ];
  });
}

/** The million-row example on the whole path: its time, and the peak memory of every process against 3 GB. */
export async function benchMillion(options: {
  readonly root: string;
  readonly log: (line: string) => void;
}): Promise<BenchResult[]> {
  const services = ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'];
  return withTable(options, services, async ({ system, client, file }) => {
    const megabytes = statSync(file).size / 1e6;
    const read = await seconds(() => hashOf(file));
    const published = await client.publish(requestOf(options.root, file, 'million'), (step) => {
      options.log(step.kind);
    });
    const outcome = await published.outcome;
    await published.stop();
    if (outcome.state !== 'serving') throw new Error(`The run ended as ${JSON.stringify(outcome)}`);
    const took = outcome.swapped.publishedToServingMs / 1000;
    return [
      caseOf(
        'publication to serving',
        took,
        's',
        `the file (${megabytes.toFixed(0)} MB) read and hashed alone`,
        read,
      ),
      ...services.map((name) =>
        caseOf(`peak memory of ${name}`, peakMegabytes(system, name), 'MB', 'the limit', mostMegabytes),
      ),
    ];
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

/** The most memory that a service's process ever held, by the kernel's own account. */
function peakMegabytes(system: EmbeddedSystem, name: string): number {
  const pid = system.processes.get(name)?.pid;
  if (pid === undefined) throw new Error(`${name} does not run`);
  const kilobytes = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) / 1024;
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
