import { parseArgs } from 'node:util';

import { breaks } from './broken-services.js';
import type { Break } from './broken-services.js';
import { runChaos } from './chaos.js';
import { faultKinds } from './schedule.js';
import type { FaultKind } from './schedule.js';

const usage = `npm run chaos -- [--rounds N] [--seed S] [--from ROUND] [--kinds ${faultKinds.join(',')}] [--break ${Object.keys(breaks).join('|')}] [--keep] [--json]`;

/**
 * Runs the chaos suite; with --json the last line is one JSON object and everything else goes to stderr. Resolves to
 * the exit code: 0 without violations, 1 with some (with --break the other way round), 64 where the arguments can't be understood, 130 where interrupted.
 */
export async function main(args: readonly string[], root: string): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    console.error(`${options}\n${usage}`);
    return 64;
  }
  const { json, ...chaos } = options;
  const log = (line: string): void => {
    if (json) console.error(line);
    else console.log(line);
  };
  log(`seed ${chaos.seed}`);
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupted.abort();
    });
  }
  let report;
  try {
    report = await runChaos({ ...chaos, root, log, signal: interrupted.signal });
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error('Interrupted: the system is stopped.');
    return 130;
  }
  const { rounds, seed, faults, violations, captures, deadLetters } = report;
  log(
    `${captures.answered} predictions answered: ${captures.captured} captured, ${captures.dropped} counted as dropped, ` +
      `${captures.lostWithKilled} lost with a killed replica; ${deadLetters} dead letters`,
  );
  log(
    `${rounds} rounds, ${faults} faults, ${violations.length} violations; repeat: --seed ${seed} --rounds ${rounds}`,
  );
  if (json) console.log(JSON.stringify({ rounds, seed, faults, violations: violations.length }));
  if (chaos.broken !== undefined)
    log(
      violations.length > 0
        ? `the checker noticed ${chaos.broken}`
        : `the checker did not notice ${chaos.broken} in ${rounds} rounds`,
    );
  return (violations.length === 0) === (chaos.broken === undefined) ? 0 : 1;
}

interface Arguments {
  readonly rounds: number;
  readonly seed: number;
  readonly from: number;
  readonly kinds: readonly FaultKind[];
  readonly broken?: Break;
  readonly keep: boolean;
  readonly json: boolean;
}

function read(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        rounds: { type: 'string', default: '10' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        from: { type: 'string', default: '1' },
        kinds: { type: 'string' },
        break: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'rounds' | 'seed' | 'from', least: number): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= least) return value;
      throw new Error(`--${name} is a whole number from ${least} on, not ${values[name]}`);
    };
    const broken = (Object.keys(breaks) as Break[]).find((known) => known === values.break);
    if (values.break !== undefined && broken === undefined)
      throw new Error(`There is no way to break it called ${values.break}`);
    const chosen = values.kinds?.split(',') ?? (broken === undefined ? faultKinds : breaks[broken]);
    const kinds = chosen.map((name) => {
      const kind = faultKinds.find((known) => known === name);
      if (kind === undefined) throw new Error(`There is no fault ${name}`);
      return kind;
    });
    const { keep, json } = values;
    return {
      rounds: number('rounds', 1),
      seed: number('seed', 0),
      from: number('from', 1),
      kinds,
      ...(broken === undefined ? {} : { broken }),
      keep,
      json,
    };
  } catch (error) {
    return (error as Error).message;
  }
}
