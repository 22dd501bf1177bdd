import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { runFuzz } from './fuzz.js';

const allParts = ['readers', 'rpc', 'http', 'events'];
const usage = `npm run fuzz -- [--inputs N] [--seed S] [--parts ${allParts.join(',')}] [--only NAME] [--keep] [--json]`;

/**
 * Runs the fuzzers; with --json the last line is one JSON object and everything else goes to stderr. Resolves to the exit
 * code: 0 without failures, 1 with some, 64 where the arguments can't be understood.
 */
export async function main(args: readonly string[], root: string): Promise<number> {
  const options = read(args);
  if (typeof options === 'string') {
    console.error(`${options}\n${usage}`);
    return 64;
  }
  const { json, ...fuzz } = options;
  const log = (line: string): void => {
    if (json) console.error(line);
    else console.log(line);
  };
  log(`seed ${fuzz.seed}`);
  const { inputs, failures } = await runFuzz({
    ...fuzz,
    root,
    bundles: dirname(fileURLToPath(import.meta.url)),
    log,
  });
  log(`${inputs} inputs, ${failures.length} failures; repeat: --seed ${fuzz.seed} --inputs ${fuzz.inputs}`);
  if (json) console.log(JSON.stringify({ inputs, seed: fuzz.seed, failures: failures.length }));
  return failures.length === 0 ? 0 : 1;
}

interface Arguments {
  readonly inputs: number;
  readonly seed: number;
  readonly parts: readonly string[];
  readonly only: string;
  readonly keep: boolean;
  readonly json: boolean;
}

function read(args: readonly string[]): Arguments | string {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        inputs: { type: 'string', default: '10000' },
        seed: { type: 'string', default: String(Date.now() % 1_000_000) },
        parts: { type: 'string', default: allParts.join(',') },
        only: { type: 'string', default: '' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    });
    const number = (name: 'inputs' | 'seed', least: number): number => {
      const value = Number(values[name]);
      if (Number.isSafeInteger(value) && value >= least) return value;
      throw new Error(`--${name} is a whole number from ${least} on, not ${values[name]}`);
    };
    const parts = values.parts.split(',');
    const unknown = parts.find((part) => !allParts.includes(part));
    if (unknown !== undefined) throw new Error(`There is no part ${unknown}`);
    return {
      inputs: number('inputs', 1),
      seed: number('seed', 0),
      parts,
      only: values.only,
      keep: values.keep,
      json: values.json,
    };
  } catch (error) {
    return (error as Error).message;
  }
}
