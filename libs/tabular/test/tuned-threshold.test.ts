import { readFileSync } from 'node:fs';

import { tunedThreshold } from '@rookery/tabular';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface GoldenCase {
  readonly name: string;
  readonly truth: number[];
  readonly probabilities: number[];
  readonly weights?: number[];
  readonly threshold: number;
  readonly f1: number;
  readonly best_score?: number;
}

const fixture = JSON.parse(
  readFileSync(new URL('../../../tests/golden/sklearn/thresholds.json', import.meta.url), 'utf8'),
) as { readonly cases: GoldenCase[] };

/** F1 of predicting what is above the threshold. */
function f1(
  truth: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  threshold: number,
  weights?: ArrayLike<number>,
): number {
  let [hits, both] = [0, 0];
  for (let row = 0; row < truth.length; row++) {
    const weight = weights?.[row] ?? 1;
    const predicted = probabilities[row]! > threshold ? 1 : 0;
    hits += weight * truth[row]! * predicted;
    both += weight * (truth[row]! + predicted);
  }
  return both === 0 ? 0 : (2 * hits) / both;
}

describe('a tuned threshold', () => {
  it.each(fixture.cases.map((one) => [one.name, one] as const))(
    "has scikit-learn's highest F1, and among those of equal F1 the place of the rule: %s",
    (_name, { truth, probabilities, weights, threshold, f1: best, best_score }) => {
      const found = tunedThreshold({ truth, probabilities, ...(weights && { weights }) });
      expect(found).toBe(threshold);
      expect(f1(truth, probabilities, found, weights)).toBeCloseTo(best, 12);
      if (best_score !== undefined) expect(f1(truth, probabilities, found)).toBeCloseTo(best_score, 12);
    },
  );

  const probability = fc.constantFrom(0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1);
  const rows = fc.array(fc.record({ truth: fc.constantFrom(0, 1), probability, left: fc.boolean() }), {
    minLength: 1,
    maxLength: 30,
  });

  it('is as good as any threshold, of rows in any order, and 0.5 where no row has the label', () => {
    fc.assert(
      fc.property(rows, (cells) => {
        const columns = (some: typeof cells): { truth: number[]; probabilities: number[] } => ({
          truth: some.map(({ truth }) => truth),
          probabilities: some.map((cell) => cell.probability),
        });
        const { truth, probabilities } = columns(cells);
        const found = tunedThreshold({ truth, probabilities });
        expect(found).toBeGreaterThan(0);
        expect(found).toBeLessThan(1);
        expect(tunedThreshold(columns([...cells].reverse()))).toBe(found);
        for (let other = 0.005; other < 1; other += 0.01)
          expect(f1(truth, probabilities, found)).toBeGreaterThanOrEqual(
            f1(truth, probabilities, other) - 1e-12,
          );
        if (!truth.includes(1)) expect(found).toBe(0.5);
      }),
    );
  });

  it('of some of the rows is that of those rows alone', () => {
    fc.assert(
      fc.property(rows, (cells) => {
        const columns = (some: typeof cells): { truth: number[]; probabilities: number[] } => ({
          truth: some.map(({ truth }) => truth),
          probabilities: some.map((cell) => cell.probability),
        });
        const some = tunedThreshold({ ...columns(cells), counts: (row) => cells[row]!.left });
        expect(some).toBe(tunedThreshold(columns(cells.filter(({ left }) => left))));
      }),
    );
  });

  it('leaves out rows that weigh nothing, and is 0.5 where only those have the label', () => {
    const truth = [1, 0, 1];
    expect(tunedThreshold({ truth, probabilities: [0.3, 0.2, 0.1], weights: [0, 1, 0] })).toBe(0.5);
    expect(tunedThreshold({ truth, probabilities: [0, 0.2, 0] })).toBe(0.5);
  });
});
