import { parseArgs } from 'node:util';

import type { SuiteRun } from './suite-run.js';

/** Flags of a suite that take a value: what each is where it is not given. */
export type Flags = Readonly<Record<string, string | undefined>>;

/** What was given for the flags of a suite. */
export interface Given<F extends Flags> {
  text<K extends keyof F & string>(flag: K): F[K] extends string ? string : string | undefined;
  /** A whole number; throws where it is none, or less than `least`. */
  count(flag: keyof F & string, least: number): number;
}

/** What a suite ends with. */
export interface Outcome {
  /** The line that --json prints. */
  readonly report: object;
  readonly passed: boolean;
}

/** A program of tests/: its flags, how they are understood, and what it does. */
export interface Suite<F extends Flags, T> {
  /** Shown where the arguments can't be understood. */
  readonly usage: string;
  readonly flags: F;
  /** What it was asked for; throws words for a person. */
  readonly read: (given: Given<F>) => T;
  readonly run: (asked: T, run: SuiteRun) => Promise<Outcome>;
}

/**
 * Runs a suite as its arguments say. With --json the last line of the output is one JSON object and everything else goes to
 * stderr; --keep keeps the folder with all data. The first Ctrl-C (or SIGTERM) stops what was started. Resolves to the exit
 * code: 0 where it passed, 1 where not, 64 where the arguments can't be understood, 130 where it was interrupted.
 */
export async function runSuite<F extends Flags, T>(
  suite: Suite<F, T>,
  args: readonly string[],
  root: string,
): Promise<number> {
  let read;
  try {
    read = readArguments(suite, args);
  } catch (error) {
    console.error(`${(error as Error).message}\n${suite.usage}`);
    return 64;
  }
  const { asked, keep, json } = read;
  const log = (line: string): void => {
    if (json) console.error(line);
    else console.log(line);
  };
  const interrupted = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => {
      interrupted.abort();
    });
  }
  try {
    const { report, passed } = await suite.run(asked, { root, keep, log, signal: interrupted.signal });
    if (json) console.log(JSON.stringify(report));
    return passed ? 0 : 1;
  } catch (error) {
    if (!interrupted.signal.aborted) throw error;
    console.error('Interrupted: the system is stopped.');
    return 130;
  }
}

function readArguments<F extends Flags, T>(
  suite: Suite<F, T>,
  args: readonly string[],
): { asked: T; keep: boolean; json: boolean } {
  const options: Record<string, { type: 'string' | 'boolean' }> = {
    keep: { type: 'boolean' },
    json: { type: 'boolean' },
  };
  for (const flag of Object.keys(suite.flags)) options[flag] = { type: 'string' };
  const { values } = parseArgs({ args: [...args], options });
  const text = (flag: string): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : suite.flags[flag];
  };
  const asked = suite.read({
    text: text as Given<F>['text'],
    count: (flag, least) => {
      const value = Number(text(flag));
      if (Number.isSafeInteger(value) && value >= least) return value;
      throw new Error(`--${flag} is a whole number from ${least} on, not ${text(flag)}`);
    },
  });
  return { asked, keep: values.keep === true, json: values.json === true };
}

/** A seed for who gives none. */
export function anySeed(): string {
  return String(Date.now() % 1_000_000);
}
