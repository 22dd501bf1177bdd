import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { DatasetRequest, RookeryClient } from '@rookery/client';

import type { Violation } from '../chaos/history.js';
import { writeLoadDatasets } from '../load/data-sets.js';
import { residentBytes, watchMemory } from '../load/process-memory.js';
import { startLoadWorld } from '../load/world.js';
import type { LoadWorld } from '../load/world.js';
import { inFolder } from '../suite/suite-run.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { startOpenLoop } from '../system/support/open-loop.js';
import type { OpenLoop } from '../system/support/open-loop.js';
import { servingEngines } from '../system/support/serving-engines.js';
import { eventually, within } from '../system/support/waiting.js';
import { stepsBackByRevision } from './revisions.js';
import { openRotation } from './rotation.js';
import type { Rotation } from './rotation.js';

/** What to do. */
export interface SoakOptions extends SuiteRun {
  readonly swaps: number;
  /** Predictions a second, for each of the models. */
  readonly perSecond: number;
  /** Swap after which memory is looked at for the first time. */
  readonly settledAfter: number;
}

/** What came of it. */
export interface SoakReport {
  readonly swaps: number;
  readonly calls: number;
  readonly failed: number;
  readonly tensorsAtSwap100: number;
  readonly tensorsAtEnd: number;
  readonly rssAtSwap100MiB: number;
  readonly rssMaxAfterMiB: number;
  readonly violations: readonly Violation[];
}

const connections = 4;
const versions = 3;
const swapDeadlineMs = 30_000;
/** Answers that each connection gets between two swaps of a model, at least. */
const answersBetween = 2;
/** Factor by which memory may grow from swap 100 on. */
const memoryFactor = 1.2;

/** One model an engine. */
const soaked = servingEngines.map((one) => ({ ...one, model: `soak-${one.name}` }));

/**
 * Trains three versions of each model, and then moves their aliases in turn, by the registry, while all
 * are asked for predictions at a fixed rate: each swap goes the whole way, from the decision to the new version's answers.
 */
export async function runSoak(options: SoakOptions): Promise<SoakReport> {
  return inFolder(options, {
    name: 'soak',
    start: (directory) =>
      startLoadWorld({
        root: options.root,
        directory,
        services: ['ingest', 'transform', 'trainer', 'evaluator', 'registry', 'inference', 'monitor'],
      }),
    work: async (world, directory) => {
      await trainVersions(world.client, options, directory);
      return soak(world, options);
    },
    keepAfter: ({ violations }) => violations.length > 0,
  });
}

async function trainVersions(client: RookeryClient, options: SoakOptions, directory: string): Promise<void> {
  const files = join(directory, 'data-sets');
  mkdirSync(files);
  const plan = { root: options.root, directory: files, bigFactor: 1, big: new Set<number>() };
  const dataSets = writeLoadDatasets({ ...plan, count: versions });
  for (const { model, engine, modelSpec } of soaked) {
    for (const { request } of dataSets) {
      const wanted: DatasetRequest = {
        ...request,
        model,
        epochs: 10,
        folds: 2,
        ...(modelSpec && { modelSpec }),
      };
      const published = await client.publish(wanted);
      const end = await within(published.outcome, `the end of ${published.runId}`, 120_000);
      await published.stop();
      if (end.state !== 'serving') throw new Error(`${model} is not served: ${JSON.stringify(end)}`);
    }
    const served = (await client.served()).models.find((one) => one.model === model);
    if (served?.engine !== engine) throw new Error(`${model} is served by ${served?.engine}, not ${engine}`);
    options.log(`${model}: ${versions} versions, served by ${engine}`);
  }
}

interface Lane {
  readonly rotation: Rotation;
  readonly load: OpenLoop;
}

async function soak(world: LoadWorld, options: SoakOptions): Promise<SoakReport> {
  const { client, nats } = world;
  const { swaps, settledAfter, log } = options;
  const pid = world.processes.get('inference')?.pid;
  const memory = watchMemory(new Map([['inference', { pid }]]));
  const lanes: Lane[] = [];
  for (const { model } of soaked) {
    const rotation = await openRotation(client, nats, model);
    const { inputExample } = await client.modelVersion(model, 'champion');
    const mark = (): { sent: number; answered: number } => ({
      sent: rotation.serving(),
      answered: rotation.asked(),
    });
    const request = { model, rows: inputExample ? [inputExample] : [] };
    const { perSecond } = options;
    const load = startOpenLoop(world.inferenceAddress, request, { perSecond, connections, mark });
    lanes.push({ rotation, load });
  }
  const tensors = async (): Promise<number> => (await client.served()).models[0]?.tensors ?? 0;
  const tensorsBefore = await tensors();
  let atSettled = { tensors: tensorsBefore, bytes: 0 };
  const failure = { text: '' };
  try {
    for (let swap = 1; swap <= swaps; swap += 1) {
      const lane = lanes[swap % lanes.length]!;
      await answeredOn(lane.load);
      await lane.rotation.next(swapDeadlineMs);
      if (swap === settledAfter) {
        atSettled = { tensors: await tensors(), bytes: residentBytes(pid) ?? 0 };
        memory.peaks();
      }
      if (swap % 100 === 0) {
        const mib = ((residentBytes(pid) ?? 0) / 2 ** 20).toFixed(1);
        log(`${swap} swaps, ${calls(lanes)} calls, ${await tensors()} tensors, ${mib} MiB`);
      }
    }
    for (const { load } of lanes) await answeredOn(load);
  } catch (error) {
    failure.text = (error as Error).message;
  } finally {
    for (const { load, rotation } of lanes) {
      await load.stop();
      rotation.close();
    }
  }
  const peak = memory.peaks().get('inference') ?? 0;
  memory.stop();
  // The old version goes when its last call is done: the number is read until it is the one expected, or too late.
  const tensorsAtEnd = await eventually(
    async () => {
      const now = await tensors();
      return now === atSettled.tensors ? now : undefined;
    },
    'the tensors are as many as before',
    5_000,
  ).catch(tensors);

  const mib = (bytes: number): number => Number((bytes / 2 ** 20).toFixed(1));
  const failures = lanes.flatMap(({ load }) => load.failures);
  const violations: Violation[] = [
    ...(failure.text === ''
      ? []
      : [{ invariant: 'every move is served', subject: 'swaps', evidence: failure.text }]),
    ...world.crashes.map((evidence) => ({ invariant: 'no process ends', subject: 'processes', evidence })),
    ...[...new Set(failures.map(({ code, details }) => `${code} ${details}`))].map((evidence) => ({
      invariant: 'no call fails',
      subject: 'calls',
      evidence,
    })),
    ...lanes.flatMap(({ load, rotation }) => stepsOf(load, rotation)),
  ];
  if (tensorsAtEnd !== atSettled.tensors) {
    const evidence = `${atSettled.tensors} at swap ${settledAfter}, ${tensorsAtEnd} at the end`;
    violations.push({ invariant: 'tensors are freed', subject: 'inference', evidence });
  }
  if (peak > memoryFactor * atSettled.bytes) {
    const evidence = `${mib(atSettled.bytes)} MiB at swap ${settledAfter}, up to ${mib(peak)} MiB after`;
    violations.push({ invariant: 'memory is bounded', subject: 'inference', evidence });
  }
  return {
    swaps,
    calls: calls(lanes),
    failed: failures.length,
    tensorsAtSwap100: atSettled.tensors,
    tensorsAtEnd,
    rssAtSwap100MiB: mib(atSettled.bytes),
    rssMaxAfterMiB: mib(peak),
    violations,
  };
}

function calls(lanes: readonly Lane[]): number {
  return lanes.reduce((sum, { load }) => sum + load.sent(), 0);
}

/** Waits until some more answers have come on every connection, so that each version has its share of the traffic. */
async function answeredOn(load: OpenLoop): Promise<void> {
  const before = load.answers.length;
  await eventually(
    () =>
      load.failures.length > 0 || load.answers.length >= before + connections * answersBetween
        ? true
        : undefined,
    'answers between two swaps',
  );
}

function stepsOf(load: OpenLoop, rotation: Rotation): Violation[] {
  const answers = load.answers.map(({ connection, version, sentAt, answeredAt }) => ({
    connection,
    version,
    from: sentAt,
    to: answeredAt,
  }));
  const steps = stepsBackByRevision(answers, (revision) => rotation.versionOf(revision));
  return steps.map(({ connection, version, seen, from, to }) => ({
    invariant: 'a connection never goes back',
    subject: rotation.model,
    evidence: `version ${version} on connection ${connection} after revision ${seen}; revisions ${from} to ${to} were possible`,
  }));
}
