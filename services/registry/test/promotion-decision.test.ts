import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decidePromotion } from '../src/domain/promotion-decision.js';
import type { Candidate, Champion } from '../src/domain/promotion-decision.js';

function candidate(
  mean: number,
  more: Partial<Candidate> & { metric?: string; passed?: boolean } = {},
): Candidate {
  const { metric = 'accuracy', passed = true, ...rest } = more;
  return {
    verdict: { passed, metric, value: mean, threshold: 0.7, reasons: ['the gate said so'] },
    metrics: { [metric]: { mean, std: 0 } },
    allowWorseThanChampion: false,
    lowerIsBetter: metric === 'rmse',
    ...rest,
  };
}

const champion = (metrics: Record<string, number>, version = 4): Champion => ({
  version,
  metrics: Object.fromEntries(Object.entries(metrics).map(([name, mean]) => [name, { mean, std: 0 }])),
});

describe('the acceptance rule', () => {
  it.each([
    ['the gate was not passed', candidate(0.6, { passed: false }), undefined, 'rejected_by_gate'],
    [
      'the gate was not passed, whatever the champion',
      candidate(0.6, { passed: false }),
      champion({ accuracy: 0.1 }),
      'rejected_by_gate',
    ],
    ['there is no verdict', candidate(0.9, { verdict: undefined }), undefined, 'rejected_by_gate'],
    ['there is no champion', candidate(0.8), undefined, 'promoted'],
    ['it is better than the champion', candidate(0.91), champion({ accuracy: 0.9 }), 'promoted'],
    ['it equals the champion', candidate(0.9), champion({ accuracy: 0.9 }), 'promoted'],
    ['it is worse than the champion', candidate(0.89), champion({ accuracy: 0.9 }), 'rejected_by_champion'],
    [
      'it is worse and that is allowed',
      candidate(0.89, { allowWorseThanChampion: true }),
      champion({ accuracy: 0.9 }),
      'promoted',
    ],
    ['less is better and it is less', candidate(40, { metric: 'rmse' }), champion({ rmse: 41 }), 'promoted'],
    ['less is better and it is equal', candidate(41, { metric: 'rmse' }), champion({ rmse: 41 }), 'promoted'],
    [
      'less is better and it is more',
      candidate(42, { metric: 'rmse' }),
      champion({ rmse: 41 }),
      'rejected_by_champion',
    ],
    ['the champion has another metric', candidate(0.71), champion({ rmse: 0.001 }), 'promoted'],
    ['the champion has no finite number', candidate(0.71), champion({ accuracy: Number.NaN }), 'promoted'],
    [
      'the metric has the name of an object member',
      candidate(0.71, { metric: 'constructor' }),
      champion({}),
      'promoted',
    ],
    ['its own mean is no number', candidate(Number.NaN), champion({ accuracy: 0.2 }), 'rejected_by_champion'],
  ] as const)('%s: %#', (_, given, against, outcome) => {
    const decision = decidePromotion(given, against);
    expect(decision.outcome).toBe(outcome);
    expect(decision.reasons.length).toBeGreaterThan(0);
  });

  it('a rejection by the champion names both numbers and the champion', () => {
    const decision = decidePromotion(candidate(0.8125), champion({ accuracy: 0.96875 }, 7));
    expect(decision.reasons.join()).toMatch(/0\.8125.*0\.9688.*version 7/);
  });

  it('an acceptance by the threshold alone says so', () => {
    const decision = decidePromotion(candidate(0.8), champion({ f1_macro: 0.9 }));
    expect(decision.reasons.join()).toMatch(/no mean of accuracy.*f1_macro.*threshold alone/);
  });

  it('a better mean never turns an acceptance into a rejection', () => {
    const finite = fc.double({ min: -10, max: 10, noNaN: true });
    fc.assert(
      fc.property(
        finite,
        finite,
        finite,
        finite,
        fc.boolean(),
        fc.boolean(),
        fc.boolean(),
        (a, b, before, threshold, has, lower, allow) => {
          const [worse, better] = lower ? [Math.max(a, b), Math.min(a, b)] : [Math.min(a, b), Math.max(a, b)];
          const metric = lower ? 'rmse' : 'accuracy';
          const accepted = (mean: number): boolean =>
            decidePromotion(
              candidate(mean, {
                metric,
                passed: lower ? mean <= threshold : mean >= threshold,
                allowWorseThanChampion: allow,
              }),
              has ? champion({ [metric]: before }) : undefined,
            ).outcome === 'promoted';
          expect(!accepted(worse) || accepted(better)).toBe(true);
        },
      ),
    );
  });
});
