import { createRandom } from '@rookery/tabular';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { nextTrials } from '../src/domain/search/next-trials.js';
import type { AttemptState } from '../src/domain/search/next-trials.js';

const higher = (a: number, b: number): boolean => a > b;
const plans = fc.record({
  trials: fc.integer({ min: 1, max: 40 }),
  parallel: fc.integer({ min: 1, max: 8 }),
  eta: fc.integer({ min: 2, max: 4 }),
  rungs: fc.option(
    fc.integer({ min: 1, max: 4 }).map((n) => Array.from({ length: n }, (_, i) => i + 1)),
    {
      nil: undefined,
    },
  ),
});
type Plan = Parameters<typeof nextTrials>[0];

/** Runs a search to its end; the seed decides which attempt ends next, and how. */
function search(
  plan: Plan,
  seed: number,
  failures: boolean,
): { attempts: AttemptState[]; steps: AttemptState[][] } {
  const random = createRandom(seed);
  const attempts: AttemptState[] = [];
  const steps: AttemptState[][] = [];
  for (let turn = 0; turn < 10_000; turn++) {
    const next = nextTrials(plan, attempts, higher);
    for (const attempt of next.start) attempts.push({ ...attempt, status: 'running' });
    if (next.finished) return { attempts, steps };
    const running = attempts.filter(({ status }) => status === 'running');
    expect(running.length).toBeGreaterThan(0);
    expect(running.length).toBeLessThanOrEqual(plan.parallel);
    const ended = running[random.integer(running.length)]!;
    const failed = failures && random.integer(4) === 0;
    attempts[attempts.indexOf(ended)] = failed
      ? { trial: ended.trial, rung: ended.rung, status: 'failed' }
      : { trial: ended.trial, rung: ended.rung, status: 'scored', score: random.integer(6) };
    steps.push(structuredClone(attempts));
  }
  throw new Error('the search did not end');
}

describe('a search', () => {
  it('ends, tries every point once in rung 0, and starts no attempt twice, in any order of results', () => {
    fc.assert(
      fc.property(plans, fc.nat(), fc.boolean(), (plan, seed, failures) => {
        const { attempts } = search(plan, seed, failures);
        const keys = attempts.map(({ trial, rung }) => `${trial}.${rung}`);
        expect(new Set(keys).size).toBe(keys.length);
        const first = attempts.filter(({ rung }) => rung === 0).map(({ trial }) => trial);
        expect(first.sort((a, b) => a - b)).toEqual(Array.from({ length: plan.trials }, (_, i) => i));
      }),
    );
  });

  it('lets a trial go on only from a score that was among the best of its rung', () => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, seed) => {
        const { attempts } = search(plan, seed, true);
        for (const { trial, rung } of attempts.filter((attempt) => attempt.rung > 0)) {
          const below = attempts.filter((attempt) => attempt.rung === rung - 1);
          const own = below.find((attempt) => attempt.trial === trial);
          expect(own?.status).toBe('scored');
        }
        for (let rung = 1; rung < (plan.rungs?.length ?? 1); rung++) {
          const at = attempts.filter((attempt) => attempt.rung === rung).length;
          const below = attempts.filter((attempt) => attempt.rung === rung - 1).length;
          expect(at).toBeLessThanOrEqual(Math.max(1, below));
        }
      }),
    );
  });

  it('brings its best to the last rung unless everything failed there', () => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, seed) => {
        const { attempts } = search(plan, seed, false);
        const last = (plan.rungs?.length ?? 1) - 1;
        const { best } = nextTrials(plan, attempts, higher);
        expect(best?.rung).toBe(last);
        for (const { rung, score } of attempts)
          if (rung === last) expect(score!).toBeLessThanOrEqual(best!.score!);
      }),
    );
  });

  it('goes on alike from what was kept, whatever was lost in between', () => {
    fc.assert(
      fc.property(plans, fc.nat(), (plan, seed) => {
        for (const attempts of search(plan, seed, true).steps) {
          const once = nextTrials(plan, attempts, higher);
          const shuffled = createRandom(seed).shuffle([...attempts]);
          expect(nextTrials(plan, shuffled, higher)).toEqual(once);
        }
      }),
    );
  });

  it('halves: of 27 trials with eta 3, when all results are there at once, 9 go on and then 3', () => {
    const plan = { trials: 27, parallel: 27, eta: 3, rungs: [1, 3, 9] };
    let attempts: AttemptState[] = [];
    const sizes: number[] = [];
    for (;;) {
      const next = nextTrials(plan, attempts, higher);
      if (next.finished) break;
      sizes.push(next.start.length);
      attempts = [
        ...attempts,
        ...next.start.map((attempt) => ({ ...attempt, status: 'scored' as const, score: attempt.trial })),
      ];
    }
    expect(sizes).toEqual([27, 9, 3]);
    expect(attempts.filter(({ rung }) => rung === 2).map(({ trial }) => trial)).toEqual([26, 25, 24]);
  });

  it('has no best where no trial gave a score', () => {
    const attempts = [{ trial: 0, rung: 0, status: 'failed' as const }];
    expect(nextTrials({ trials: 1, parallel: 1, eta: 3, rungs: [1, 3] }, attempts, higher)).toEqual({
      start: [],
      finished: true,
      best: undefined,
    });
  });
});
