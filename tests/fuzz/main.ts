import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { anySeed, runSuite } from '../suite/run-suite.js';
import { runFuzz } from './fuzz.js';

const allParts = ['readers', 'rpc', 'http', 'events'];

/** Runs the fuzzers; see {@link runSuite}. */
export function main(args: readonly string[], root: string): Promise<number> {
  return runSuite(
    {
      usage: `npm run fuzz -- [--inputs N] [--seed S] [--parts ${allParts.join(',')}] [--only NAME] [--keep] [--json]`,
      flags: { inputs: '10000', seed: anySeed(), parts: allParts.join(','), only: '' },
      read: ({ text, count }) => {
        const parts = text('parts').split(',');
        const unknown = parts.find((part) => !allParts.includes(part));
        if (unknown !== undefined) throw new Error(`There is no part ${unknown}`);
        return { inputs: count('inputs', 1), seed: count('seed', 0), parts, only: text('only') };
      },
      run: async (asked, run) => {
        const { seed } = asked;
        run.log(`seed ${seed}`);
        const bundles = dirname(fileURLToPath(import.meta.url));
        const { inputs, failures } = await runFuzz({ ...asked, ...run, bundles });
        run.log(
          `${inputs} inputs, ${failures.length} failures; repeat: --seed ${seed} --inputs ${asked.inputs}`,
        );
        return { report: { inputs, seed, failures: failures.length }, passed: failures.length === 0 };
      },
    },
    args,
    root,
  );
}
