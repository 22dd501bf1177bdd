import fc from 'fast-check';

/**
 * Property tests draw the same examples in every run, so that a commit is red or green by what it holds and not
 * by luck. `FC_SEED=random` (or a number) and `FC_RUNS=2000` look further: do that after changing what a
 * property is about, and add what is found as an example.
 */
const given = process.env['FC_SEED'] ?? '20261123';
const seed = given === 'random' ? undefined : Number(given);
if (seed !== undefined && !Number.isInteger(seed))
  throw new Error(`FC_SEED is "${given}": give a whole number or "random".`);
const runs = process.env['FC_RUNS'];
fc.configureGlobal({
  ...(seed === undefined ? {} : { seed }),
  ...(runs === undefined ? {} : { numRuns: Number(runs) }),
});
