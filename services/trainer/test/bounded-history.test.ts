import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { boundedHistory } from '../src/domain/bounded-history.js';

const curve = (epochs: number, shift: number): number[] =>
  Array.from({ length: epochs }, (_, i) => i + 1 + shift);

describe('the history in ml.fold.trained', () => {
  it('is whole up to 1,000 epochs, and keeps 1,000 at most: the first, the last and the best among them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.nat(), fc.boolean(), (epochs, pick, held) => {
        const best = 1 + (pick % epochs);
        const bounded = boundedHistory({
          history: {
            loss: curve(epochs, 0),
            metric: curve(epochs, 0.25),
            ...(held && { valLoss: curve(epochs, 0.5), valMetric: curve(epochs, 0.75) }),
          },
          metricName: 'accuracy',
          epochsRun: epochs,
          bestEpoch: best,
          stoppedEarly: pick % 2 === 0,
        });
        const kept = bounded.epochs.length === 0 ? curve(epochs, 0) : bounded.epochs;
        expect(kept.length).toBeLessThanOrEqual(1_000);
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(epochs, 990));
        if (epochs <= 1_000) expect(bounded.epochs).toEqual([]);
        for (const one of [1, epochs, best]) expect(kept).toContain(one);
        expect(bounded.loss).toEqual(kept);
        expect(bounded.metric).toEqual(kept.map((epoch) => epoch + 0.25));
        expect(bounded.valLoss).toEqual(held ? kept.map((epoch) => epoch + 0.5) : []);
        expect(bounded.valMetric).toEqual(held ? kept.map((epoch) => epoch + 0.75) : []);
        expect(bounded).toMatchObject({
          epochsRun: epochs,
          bestEpoch: best,
          stoppedEpoch: pick % 2 === 0 ? epochs : 0,
        });
      }),
      { numRuns: 25 },
    );
  });

  it('of a fit that was stopped before its first epoch is empty', () => {
    const nothing = { history: { loss: [], metric: [] }, metricName: 'rmse', epochsRun: 0, bestEpoch: 0 };
    expect(boundedHistory({ ...nothing, stoppedEarly: false })).toMatchObject({ loss: [], epochs: [] });
  });
});
