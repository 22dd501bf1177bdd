import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TabularError, createRandom, deriveSeed, kFold, stratifiedKFold } from '../src/index.js';
import type { Fold } from '../src/index.js';

const sizes = fc
  .integer({ min: 2, max: 80 })
  .chain((n) =>
    fc.record({ n: fc.constant(n), k: fc.integer({ min: 2, max: n }), seed: fc.integer({ min: 0 }) }),
  );

/** Each row in exactly one test fold, and in the training rows of all others; rows ascending. */
function expectPartition(folds: Fold[], rows: readonly number[]): void {
  expect(folds.flatMap((fold) => [...fold.test]).sort((a, b) => a - b)).toEqual(rows);
  for (const { train, test } of folds) {
    expect([...train, ...test].sort((a, b) => a - b)).toEqual(rows);
    expect([...train]).toEqual([...train].sort((a, b) => a - b));
    expect([...test]).toEqual([...test].sort((a, b) => a - b));
  }
}

describe('k-fold', () => {
  it('puts every row in exactly one test fold, fold sizes within one', () => {
    fc.assert(
      fc.property(sizes, fc.boolean(), ({ n, k, seed }, shuffle) => {
        const folds = kFold(n, k, { seed, shuffle });
        expectPartition(folds, [...Array(n).keys()]);
        const lengths = folds.map((fold) => fold.test.length);
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
        expect(kFold(n, k, { seed, shuffle })).toEqual(folds);
      }),
    );
  });

  it('gives other folds for another seed', () => {
    expect(kFold(100, 5, { seed: 1 })).not.toEqual(kFold(100, 5, { seed: 2 }));
  });

  it('splits given rows', () => {
    const rows = [3, 5, 8, 13, 21];
    expectPartition(kFold(5, 2, { rows }), rows);
    expectPartition(stratifiedKFold([0, 1, 0, 1, 0], 2, { rows }), rows);
  });

  it.each([
    [1, 10],
    [11, 10],
    [2.5, 10],
    [NaN, 10],
  ])('refuses %d folds of %d rows', (k, n) => {
    expect(() => kFold(n, k)).toThrow(TabularError);
    expect(() => stratifiedKFold(new Int32Array(n), k)).toThrow(TabularError);
  });
});

describe('stratified k-fold', () => {
  it('puts every row in one test fold and spreads every class within one row', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 8, maxLength: 80 }),
        fc.integer({ min: 2, max: 8 }),
        fc.integer({ min: 0 }),
        (codes, k, seed) => {
          const largest = Math.max(...[0, 1, 2, 3].map((c) => codes.filter((code) => code === c).length));
          fc.pre(k <= largest);
          const folds = stratifiedKFold(Int32Array.from(codes), k, { seed });
          expectPartition(folds, [...codes.keys()]);
          for (const c of new Set(codes)) {
            const counts = folds.map(({ test }) => test.filter((row) => codes[row] === c).length);
            expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
          }
          const lengths = folds.map((fold) => fold.test.length);
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  it('refuses more folds than the largest class has rows, and rows without a class', () => {
    expect(() => stratifiedKFold([0, 0, 1, 1, 2], 3)).toThrow(/at least 3 rows; the largest has 2/);
    expect(() => stratifiedKFold([0, 0, -1, 1], 2)).toThrow(/Row 2 has no class/);
  });
});

describe('random numbers', () => {
  it('are the same stream for a seed, for ever', () => {
    const random = createRandom(42);
    expect([random.nextUint32(), random.nextUint32(), random.integer(100), random.uniform(), random.normal()])
      .toMatchInlineSnapshot(`
      [
        660444221,
        3652823732,
        86,
        0.2146782123544999,
        1.8187402690153582,
      ]
    `);
    expect([...createRandom(42).shuffle(Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7))]).toMatchInlineSnapshot(`
      [
        2,
        1,
        6,
        4,
        3,
        0,
        7,
        5,
      ]
    `);
    expect(deriveSeed(42, 'fold', 3)).toMatchInlineSnapshot(`3438561160`);
  });

  it('are uniform: each integer about equally often (chi-square below its 1e-6 quantile)', () => {
    const random = createRandom(7);
    const counts = new Float64Array(10);
    for (let i = 0; i < 100_000; i++) counts[random.integer(10)]!++;
    expect(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0)).toBeLessThan(44.8);
  });

  it('are normal: mean, spread and tail of 100,000 draws', () => {
    const random = createRandom(11);
    const draws = Float64Array.from({ length: 100_000 }, () => random.normal(3, 2));
    const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
    expect(Math.abs(mean - 3)).toBeLessThan(0.03);
    expect(
      Math.abs(Math.sqrt(draws.reduce((s, x) => s + (x - mean) ** 2, 0) / draws.length) - 2),
    ).toBeLessThan(0.03);
    expect(Math.abs(draws.filter((x) => x > 3 + 2 * 1.96).length / draws.length - 0.025)).toBeLessThan(0.003);
  });

  it('shuffle every order about equally often', () => {
    const random = createRandom(3);
    const seen = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.shuffle([0, 1, 2, 3]).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(24);
    expect([...seen.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)).toBeLessThan(72.5);
  });

  it('differ for each key of a seed', () => {
    const seeds = new Set<number>();
    for (let seed = 0; seed < 100; seed++)
      for (let fold = 0; fold < 10; fold++) seeds.add(deriveSeed(seed, 'fold', fold));
    expect(seeds.size).toBe(1000);
    expect(deriveSeed(1, 2)).not.toBe(deriveSeed(1, '2'));
  });

  it('refuse a seed that is no whole number', () => {
    expect(() => createRandom(0.5)).toThrow(TabularError);
    expect(() => createRandom(NaN)).toThrow(TabularError);
  });
});
