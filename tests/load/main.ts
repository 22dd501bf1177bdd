import { runSuite } from '../suite/run-suite.js';
import type { Outcome } from '../suite/run-suite.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { tellViolations } from '../suite/violations.js';
import { runCatchUp } from './catch-up.js';
import { runLoad } from './load.js';
import type { LoadOptions } from './load.js';

/** What a monitor may take while it catches up: itself, and the 100,000 predictions of a model that it keeps. */
const monitorMiB = 400;

/** Runs the load suite, or with --captures that alone; see {@link runSuite}. */
export function main(args: readonly string[], root: string): Promise<number> {
  return runSuite(
    {
      usage:
        'npm run load -- [--datasets N] [--trainers T] [--big B] [--keep] [--json], or npm run load -- --captures N [--json]',
      flags: { datasets: '200', trainers: '2', big: '1', captures: '0' },
      read: ({ count }) => ({
        datasets: count('datasets', 1),
        trainers: count('trainers', 1),
        big: count('big', 0),
        captures: count('captures', 0),
      }),
      run: ({ captures, ...load }, run) =>
        captures > 0 ? catchUp(captures, run) : publishAll({ ...load, ...run }),
    },
    args,
    root,
  );
}

async function catchUp(captures: number, run: SuiteRun): Promise<Outcome> {
  const { log } = run;
  const { violations, ...report } = await runCatchUp({ ...run, captures, mostMiB: monitorMiB });
  tellViolations(violations, log);
  const [monitor] = report.services;
  log(
    `${report.captures} captures taken in within ${report.seconds} s; the monitor had ${monitor?.idleMiB} MiB at its start, ` +
      `${monitor?.peakMiB} MiB at its peak; ${report.redeliveries} redeliveries, ${violations.length} violations`,
  );
  return {
    report: { name: 'captures', ...report, violations: violations.length },
    passed: violations.length === 0,
  };
}

async function publishAll(load: LoadOptions): Promise<Outcome> {
  const { log } = load;
  const report = await runLoad(load);
  const { datasets, trainers, seconds, redeliveries, services, waits, processor, violations } = report;
  tellViolations(violations, log);
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
  const counted = violations.length;
  return {
    report: { name: 'load', datasets, trainers, seconds, redeliveries, services, violations: counted },
    passed: counted === 0,
  };
}
