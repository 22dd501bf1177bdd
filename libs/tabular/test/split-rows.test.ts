import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  columnFromValues,
  createTable,
  foldCount,
  kFold,
  readSplit,
  splitKinds,
  splitRows,
  stratifiedKFold,
} from '../src/index.js';
import type { Fold, SplitKind, SplitSpec, Table } from '../src/index.js';

const rows = 60;
const codes = Int32Array.from({ length: rows }, (_, row) => row % 3);
/** Times run against the order of the rows. */
const table: Table = createTable([
  columnFromValues(
    'litter',
    'categorical',
    Array.from({ length: rows }, (_, row) => `l${(row * 7) % 15}`),
  ),
  columnFromValues(
    'born',
    'numeric',
    Array.from({ length: rows }, (_, row) => 1000 - row),
  ),
  columnFromValues(
    'gap',
    'numeric',
    Array.from({ length: rows }, (_, row) => (row === 3 ? null : row)),
  ),
]);

const spec = (kind: SplitKind, folds = 4): SplitSpec => ({
  kind,
  folds,
  ...(kind === 'group' || kind === 'stratified_group' ? { group: 'litter' } : {}),
  ...(kind === 'time_series' ? { time: 'born' } : {}),
});
const split = (one: SplitSpec, seed = 1): Fold[] => splitRows(table, one, codes, seed);

describe('splits', () => {
  it('of every kind give as many folds as they say, ascending, and never a row on both sides', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...splitKinds),
        fc.integer({ min: 2, max: 5 }),
        fc.nat(),
        (kind, folds, seed) => {
          const one = spec(kind, folds);
          const made = split(one, seed);
          expect(made).toHaveLength(foldCount(one));
          for (const { train, test } of made) {
            expect(test.length).toBeGreaterThan(0);
            expect([...train]).toEqual([...train].sort((a, b) => a - b));
            expect([...test]).toEqual([...test].sort((a, b) => a - b));
            const held = new Set(test);
            expect(train.some((row) => held.has(row))).toBe(false);
          }
          expect(split(one, seed)).toEqual(made);
        },
      ),
    );
  });

  it('keep groups together', () => {
    const litter = table.columns[0]!;
    if (litter.type === 'numeric') throw new Error('litter is categorical');
    for (const kind of ['group', 'stratified_group'] as const) {
      for (const { train, test } of split(spec(kind))) {
        const held = new Set(Array.from(test, (row) => litter.codes[row]));
        expect(train.some((row) => held.has(litter.codes[row]))).toBe(false);
      }
    }
  });

  it('of time train on what came before only, whatever the order of the rows', () => {
    for (const { train, test } of split({ ...spec('time_series'), gap: 2 })) {
      // The later row was born earlier.
      expect(Math.min(...train)).toBe(Math.max(...test) + 3);
    }
  });

  it('repeat with other folds each time, every row once a repetition', () => {
    const made = split({ kind: 'repeated_stratified', folds: 3, repeats: 2 });
    expect(made).toHaveLength(6);
    expect(made[0]!.test).not.toEqual(made[3]!.test);
    for (const from of [0, 3]) {
      const held = made.slice(from, from + 3).flatMap(({ test }) => [...test]);
      expect(held.sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, row) => row));
    }
  });

  it('without a kind are those that there were before there were kinds', () => {
    expect(split(readSplit(undefined, { folds: 4, stratified: true }), 9)).toEqual(
      stratifiedKFold(codes, 4, { seed: 9 }),
    );
    expect(split(readSplit(undefined, { folds: 4, stratified: false }), 9)).toEqual(
      kFold(rows, 4, { seed: 9, shuffle: true }),
    );
  });

  it('refuse a column with gaps, a column that is not there, and classes of a regression', () => {
    expect(() => split({ kind: 'group', folds: 3, group: 'gap' })).toThrow(/1 rows have no value/);
    expect(() => split({ kind: 'group', folds: 3, group: 'herd' })).toThrow(/no column "herd"/);
    expect(() => splitRows(table, spec('stratified'), undefined, 1)).toThrow(/needs classes/);
  });
});
