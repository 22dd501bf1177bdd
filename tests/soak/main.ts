import { parseArgs } from 'node:util';

import { runSoak } from './soak.js';

const usage = 'npm run soak -- [--swaps N] [--rate R] [--keep] [--json]';

/**
 * Runs the soak; with --json the last line is one JSON object and everything else goes to stderr. Resolves to the exit code:
 * 0 without violations, 1 with some, 64 where the arguments can't be understood.
 */
export async function main(args: readonly string[], root: string): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    console.error(`${options}\n${usage}`);
    return 64;
  }
  const { json, swaps, rate, keep } = options;
  const log = (line: string): void => {
    if (json) console.error(line);
    else console.log(line);
  };
  const settledAfter = Math.min(100, Math.ceil(swaps / 2));
  const { violations, ...report } = await runSoak({ root, swaps, perSecond: rate, settledAfter, keep, log });
  for (const { invariant, subject, evidence } of violations.slice(0, 50)) {
    log(`VIOLATION ${invariant}: ${subject}: ${evidence}`);
  }
  log(
    `${report.swaps} swaps, ${report.calls} calls, ${report.failed} failed; ${report.tensorsAtSwap100} tensors at swap ` +
      `${settledAfter}, ${report.tensorsAtEnd} at the end; ${report.rssAtSwap100MiB} MiB, then at most ` +
      `${report.rssMaxAfterMiB} MiB; ${violations.length} violations`,
  );
  if (json) console.log(JSON.stringify({ ...report, violations: violations.length }));
  return violations.length === 0 ? 0 : 1;
}

interface Arguments {
  readonly swaps: number;
  readonly rate: number;
  readonly keep: boolean;
  readonly json: boolean;
}

function read(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        swaps: { type: 'string', default: '1000' },
        rate: { type: 'string', default: '200' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'swaps' | 'rate'): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= 1) return value;
      throw new Error(`--${name} is a whole number from 1 on, not ${values[name]}`);
    };
    const { keep, json } = values;
    return { swaps: number('swaps'), rate: number('rate'), keep, json };
  } catch (error) {
    return (error as Error).message;
  }
}
