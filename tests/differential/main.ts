import { anySeed, runSuite } from '../suite/run-suite.js';
import { compareAll } from './differential.js';
import { openOracle } from './oracle.js';

/** Compares with scikit-learn and SciPy; see {@link runSuite}. */
export function main(args: readonly string[], root: string): Promise<number> {
  return runSuite(
    {
      usage: 'npm run differential -- [--cases N] [--seed S] [--first I] [--only NAME] [--json]',
      flags: { cases: '5000', seed: anySeed(), first: '0', only: '' },
      read: ({ text, count }) => ({
        cases: count('cases', 1),
        seed: count('seed', 0),
        first: count('first', 0),
        only: text('only'),
      }),
      run: async (asked, run) => {
        const oracle = await openOracle(root).catch((error: unknown) => {
          run.log((error as Error).message);
        });
        if (oracle === undefined) return { report: { ...asked, oracle: null }, passed: false };
        try {
          const versions = Object.entries(oracle.versions).map((pair) => pair.join(' '));
          run.log(`seed ${asked.seed}; ${versions.join(', ')}`);
          const tallies = await compareAll({ ...asked, oracle }, run);
          for (const [name, { cases, refused, worst, differences, rules }] of [...tallies].sort()) {
            const deliberate = Object.entries(rules).map(([rule, count]) => `${rule} × ${count}`);
            run.log(
              `${name.padEnd(28)} ${String(cases).padStart(6)} cases, ${refused} refused, worst ${worst.toExponential(1)}, ${differences} differences${deliberate.length > 0 ? `; ${deliberate.join(', ')}` : ''}`,
            );
          }
          const differences = [...tallies.values()].reduce((sum, tally) => sum + tally.differences, 0);
          return {
            report: { ...asked, differences, functions: Object.fromEntries(tallies) },
            passed: differences === 0,
          };
        } finally {
          oracle.close();
        }
      },
    },
    args,
    root,
  );
}
