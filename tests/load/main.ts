import { parseArgs } from 'node:util';

import { runCatchUp } from './catch-up.js';
import { runLoad } from './load.js';

const usage =
  'npm run load -- [--datasets N] [--trainers T] [--big B] [--keep] [--json], or npm run load -- --captures N [--json]';
/** What a monitor may take while it catches up: itself, and the 100,000 predictions of a model that it keeps. */
const monitorMiB = 400;

/**
 * Runs the load suite; with --json the last line is one JSON object and everything else goes to stderr. Resolves to the
 * exit code: 0 without violations, 1 with some, 64 where the arguments can't be understood.
 */
export async function main(args: readonly string[], root: string): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    console.error(`${options}\n${usage}`);
    return 64;
  }
  const { json, captures, ...load } = options;
  const log = (line: string): void => {
    if (json) console.error(line);
    else console.log(line);
  };
  return captures > 0 ? catchUp(root, captures, json, log) : publishAll(root, load, json, log);
}

async function catchUp(
  root: string,
  captures: number,
  json: boolean,
  log: (line: string) => void,
): Promise<number> {
  const { violations, ...report } = await runCatchUp({ root, captures, mostMiB: monitorMiB, log });
  for (const { invariant, subject, evidence } of violations) {
    log(`VIOLATION ${invariant}: ${subject}: ${evidence}`);
  }
  const [monitor] = report.services;
  log(
    `${report.captures} captures taken in within ${report.seconds} s; the monitor had ${monitor?.idleMiB} MiB at its start, ` +
      `${monitor?.peakMiB} MiB at its peak; ${report.redeliveries} redeliveries, ${violations.length} violations`,
  );
  if (json) console.log(JSON.stringify({ name: 'captures', ...report, violations: violations.length }));
  return violations.length === 0 ? 0 : 1;
}

async function publishAll(
  root: string,
  load: Omit<Arguments, 'json' | 'captures'>,
  json: boolean,
  log: (line: string) => void,
): Promise<number> {
  const report = await runLoad({ ...load, root, log });
  const { datasets, trainers, seconds, redeliveries, services, waits, processor, violations } = report;
  for (const { invariant, subject, evidence } of violations) {
    log(`VIOLATION ${invariant}: ${subject}: ${evidence}`);
  }
  for (const { name, idleMiB, peakMiB, ratio } of services) {
    const perRun = ((1000 * (processor.get(name) ?? 0)) / datasets).toFixed(0);
    log(
      `${name.padEnd(12)} ${idleMiB} MiB idle, ${peakMiB} MiB peak, ${ratio} ×; ${perRun} ms of processor a run`,
    );
  }
  const bigOnes = load.big > 0 ? `, of a big one ${waits.bigMs} ms` : '';
  log(
    `jobs of a run took ${waits.smallMs} ms${bigOnes}; a run ended every ${waits.betweenMs} ms, ` +
      `the longest pause was ${waits.longestBetweenMs} ms`,
  );
  const rate = ((60 * datasets) / seconds).toFixed(0);
  log(
    `${datasets} data sets, ${trainers} trainers: ${seconds} s, ${rate} a minute; ${redeliveries} redeliveries, ` +
      `${violations.length} violations`,
  );
  if (json) {
    const name = 'load';
    console.log(
      JSON.stringify({
        name,
        datasets,
        trainers,
        seconds,
        redeliveries,
        services,
        violations: violations.length,
      }),
    );
  }
  return violations.length === 0 ? 0 : 1;
}

interface Arguments {
  readonly datasets: number;
  readonly trainers: number;
  readonly big: number;
  /** 0: none; else nothing but this is done. */
  readonly captures: number;
  readonly keep: boolean;
  readonly json: boolean;
}

function read(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        datasets: { type: 'string', default: '200' },
        trainers: { type: 'string', default: '2' },
        big: { type: 'string', default: '1' },
        captures: { type: 'string', default: '0' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'datasets' | 'trainers' | 'big' | 'captures', least: number): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= least) return value;
      throw new Error(`--${name} is a whole number from ${least} on, not ${values[name]}`);
    };
    const { keep, json } = values;
    return {
      datasets: number('datasets', 1),
      trainers: number('trainers', 1),
      big: number('big', 0),
      captures: number('captures', 0),
      keep,
      json,
    };
  } catch (error) {
    return (error as Error).message;
  }
}
