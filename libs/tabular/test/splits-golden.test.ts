import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  groupKFold,
  holdOut,
  repeatedKFold,
  repeatedStratifiedKFold,
  stratifiedGroupKFold,
  stratifiedHoldOut,
  TabularError,
  timeSeriesSplit,
} from '../src/index.js';
import type { Fold, HoldOutOptions, TimeSeriesOptions } from '../src/index.js';
import { goldenCases } from './golden.js';

interface SplitCase {
  title: string;
  kind: 'group' | 'stratified_group' | 'time' | 'hold_out' | 'stratified_hold_out' | 'repeated_stratified';
  n: number;
  options: { k: number; repeats?: number } & TimeSeriesOptions & HoldOutOptions;
  codes: number[] | null;
  groups: number[] | string[] | null;
  folds?: { train: number[]; test: number[] }[];
  sizes?: [number, number];
  counts?: [number[], number[]];
  repeated?: { sizes: number; counts: number[] }[];
  error?: string;
}

function foldsOf({ kind, n, options, codes, groups }: SplitCase): Fold[] {
  switch (kind) {
    case 'group':
      return groupKFold(groups!, options.k);
    case 'stratified_group':
      return stratifiedGroupKFold(codes!, groups!, options.k);
    case 'time':
      return timeSeriesSplit(n, options.k, options);
    case 'hold_out':
      return [holdOut(n, options)];
    case 'stratified_hold_out':
      return [stratifiedHoldOut(codes!, options)];
    case 'repeated_stratified':
      return repeatedStratifiedKFold(codes!, options.k, options);
  }
}

const perClass = (rows: ArrayLike<number>, codes: readonly number[], classes: number): number[] =>
  Array.from({ length: classes }, (_, c) => Array.from(rows).filter((row) => codes[row] === c).length);

describe('splits equal scikit-learn', () => {
  it.each(goldenCases<SplitCase>('sklearn/splits.json'))('$title', (golden) => {
    if (golden.error !== undefined) {
      expect(() => foldsOf(golden)).toThrow(TabularError);
      return;
    }
    const folds = foldsOf(golden);
    const { codes } = golden;
    if (golden.folds !== undefined) {
      expect(folds.map(({ train, test }) => ({ train: [...train], test: [...test] }))).toEqual(golden.folds);
    }
    if (golden.repeated !== undefined) {
      expect(folds.map(({ test }) => test.length)).toEqual(golden.repeated.map(({ sizes }) => sizes));
      expect(folds.map(({ test }) => perClass(test, codes!, 3))).toEqual(
        golden.repeated.map(({ counts }) => counts),
      );
    }
    if (golden.sizes === undefined) return;
    const [{ train, test }] = folds as [Fold];
    expect([train.length, test.length]).toEqual(golden.sizes);
    if (golden.counts === undefined) return;
    expect([perClass(train, codes!, 3), perClass(test, codes!, 3)]).toEqual(golden.counts);
  });
});

/** Groups of 1–40 rows with at least `k` of them. */
const grouped = fc
  .record({
    k: fc.integer({ min: 2, max: 5 }),
    extra: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 35 }),
  })
  .map(({ k, extra }) => ({ k, groups: [...Array(k).keys(), ...extra] }));

function expectPartition(folds: readonly Fold[], n: number): void {
  const seen = folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b);
  expect(seen).toEqual([...Array(n).keys()]);
  for (const { train, test } of folds) {
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
  }
}

describe('split invariants', () => {
  it('no group is in training and test rows, and each row is tested once', () => {
    fc.assert(
      fc.property(grouped, fc.boolean(), fc.integer(), ({ k, groups }, shuffle, seed) => {
        const classes = groups.map((_, i) => i % 2);
        const splits = [groupKFold(groups, k, { shuffle, seed })];
        if (groups.length >= 2 * k) splits.push(stratifiedGroupKFold(classes, groups, k, { shuffle, seed }));
        for (const folds of splits) {
          expect(folds.length).toBe(k);
          expectPartition(folds, groups.length);
          for (const { train, test } of folds) {
            const trained = new Set([...train].map((row) => groups[row]));
            expect([...test].some((row) => trained.has(groups[row]))).toBe(false);
          }
        }
      }),
    );
  });

  it('a time series split never trains on what comes after, and keeps the gap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 10, max: 60 }),
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 0, max: 3 }),
        fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        (n, k, gap, maxTrainSize) => {
          fc.pre(n - gap - Math.floor(n / (k + 1)) * k > 0);
          const folds = timeSeriesSplit(n, k, {
            gap,
            ...(maxTrainSize === undefined ? {} : { maxTrainSize }),
          });
          let previous = -1;
          for (const { train, test } of folds) {
            expect(test[0]! - train[train.length - 1]!).toBe(gap + 1);
            expect(test[0]!).toBeGreaterThan(previous);
            previous = test[test.length - 1]!;
            if (maxTrainSize !== undefined) expect(train.length).toBeLessThanOrEqual(maxTrainSize);
          }
          expect(previous).toBe(n - 1);
        },
      ),
    );
  });

  it('each repetition is a partition, repetitions differ, and the seed decides', () => {
    const folds = repeatedKFold(20, 4, { repeats: 3, seed: 9 });
    expect(folds.length).toBe(12);
    for (let r = 0; r < 3; r++) expectPartition(folds.slice(4 * r, 4 * r + 4), 20);
    expect(folds[0]).not.toEqual(folds[4]);
    expect(repeatedKFold(20, 4, { repeats: 3, seed: 9 })).toEqual(folds);
    expect(repeatedKFold(20, 4, { repeats: 3, seed: 10 })).not.toEqual(folds);
    expect(() => repeatedKFold(20, 4, { repeats: 0 })).toThrow(TabularError);
  });

  it('a single class is spread as NumPy rounds one row of shares (values of scikit-learn 1.9.1)', () => {
    const groups =
      'é2 😀2 é2 😀1 😀2 g1 g1 é2 g2 😀2 😀2 é2 é0 1 😀0 g2 0 😀1 😀0 g2 1 1 g2 😀0 1 1 g0 g1 g2 😀1 é1 g1 é1'.split(
        ' ',
      );
    const folds = stratifiedGroupKFold(new Int32Array(33), groups, 10);
    expect(folds.map(({ test }) => Array.from(test))).toEqual([
      [1, 4, 9, 10, 16],
      [26],
      [13, 20, 21, 24, 25],
      [8, 15, 19, 22, 28],
      [5, 6, 27, 31],
      [30, 32],
      [12],
      [0, 2, 7, 11],
      [14, 18, 23],
      [3, 17, 29],
    ]);
  });

  it('a hold-out refuses shares of more than all rows, where rounded they would fit, too', () => {
    expect(() => holdOut(2, { testSize: 0.3, trainSize: 0.9 })).toThrow(/more than all rows/);
    expect(() => stratifiedHoldOut([0, 0], { testSize: 0.3, trainSize: 0.9 })).toThrow(/more than all rows/);
  });

  it('a hold-out has no common rows, is ascending, and the seed decides', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 8, max: 50 }),
        fc.double({ min: 0.2, max: 0.7, noNaN: true }),
        fc.integer(),
        (n, testSize, seed) => {
          const codes = Array.from({ length: n }, (_, i) => i % 2);
          const rows = Array.from({ length: n }, (_, i) => 3 * i + 1);
          fc.pre(Math.ceil(testSize * n) >= 2 && n - Math.ceil(testSize * n) >= 2);
          for (const { train, test } of [
            holdOut(n, { testSize, seed, rows }),
            stratifiedHoldOut(codes, { testSize, seed, rows }),
          ]) {
            expect([...train, ...test].sort((a, b) => a - b)).toEqual(rows);
            expect([...train]).toEqual([...train].sort((a, b) => a - b));
            expect(test.length).toBe(Math.ceil(testSize * n));
          }
        },
      ),
    );
    expect(holdOut(40, { seed: 1 })).toEqual(holdOut(40, { seed: 1 }));
    expect(holdOut(40, { seed: 1 })).not.toEqual(holdOut(40, { seed: 2 }));
    expect([...holdOut(4, { shuffle: false }).test]).toEqual([3]);
  });

  it('refuses rows without a class, classes of one row and sizes that do not fit', () => {
    expect(() => stratifiedHoldOut([0, 0, 1, 1, -1])).toThrow(/no class/);
    expect(() => stratifiedHoldOut([0, 0, 0, 1])).toThrow(/one row only/);
    expect(() => stratifiedHoldOut([0, 0, 1, 1], { testSize: 1 })).toThrow(/cannot hold/);
    expect(() => stratifiedGroupKFold([0, -1], [1, 2], 2)).toThrow(/no class/);
    expect(() => holdOut(10, { testSize: 10 })).toThrow(/below 10/);
    expect(() => groupKFold([1, 1, 1], 2)).toThrow(/groups/);
    expect(() => groupKFold([1, 2, 3], 1)).toThrow(/at least 2 folds/);
    expect(() => timeSeriesSplit(10, 3, { gap: -1 })).toThrow(TabularError);
  });
});
