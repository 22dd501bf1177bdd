import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  buildReferenceColumn,
  columnDrift,
  columnFromValues,
  countCategories,
  currentColumn,
  dataQuality,
  datasetDrift,
  driftMethods,
  isDrift,
  kolmogorovSurvival,
  selectDriftMethod,
} from '../src/index.js';
import type { ColumnDrift, DriftMethod, NumericReference, ReferenceColumn } from '../src/index.js';

const methods = Object.keys(driftMethods) as DriftMethod[];

function numericReference(values: readonly number[], cap?: number): NumericReference {
  const column = columnFromValues('x', 'numeric', []);
  return buildReferenceColumn(
    { ...column, type: 'numeric', values: Float64Array.from(values) },
    cap === undefined ? {} : { cap },
  ) as NumericReference;
}

function categoryReference(values: readonly (string | null)[]): ReferenceColumn {
  return buildReferenceColumn(columnFromValues('c', 'categorical', values));
}

const anyNumber = fc.oneof(
  fc.double({ min: -1e6, max: 1e6, noNaN: true }),
  fc.integer({ min: 0, max: 4 }),
  fc.constantFrom(NaN, Infinity, -Infinity, 0, -0),
);
const finite = fc.double({ min: -1e3, max: 1e3, noNaN: true });

describe('default drift method', () => {
  it.each([
    ['numeric', 1000, 6, 'ks'],
    ['numeric', 1001, 6, 'wasserstein'],
    ['numeric', 1000, 5, 'chisquare'],
    ['numeric', 1000, 3, 'chisquare'],
    ['numeric', 1001, 5, 'jensenshannon'],
    ['numeric', 1000, 2, 'z'],
    ['numeric', 1001, 1, 'jensenshannon'],
    ['categorical', 1000, 3, 'chisquare'],
    ['categorical', 1000, 2, 'z'],
    ['categorical', 1001, 30, 'jensenshannon'],
  ] as const)('of a %s column, %d reference rows, %d distinct values: %s', (type, rows, distinct, method) => {
    expect(selectDriftMethod(type, rows, distinct)).toBe(method);
  });

  it('drifts at the threshold for ks and distances, below it for other p-values', () => {
    expect(isDrift('ks', 0.05, 0.05)).toBe(true);
    expect(isDrift('chisquare', 0.05, 0.05)).toBe(false);
    expect(isDrift('z', 0.049, 0.05)).toBe(true);
    expect(isDrift('wasserstein', 0.1, 0.1)).toBe(true);
    expect(isDrift('psi', 0.099, 0.1)).toBe(false);
  });
});

describe('column drift', () => {
  it('never throws for numbers, and a score is a number in its range', () => {
    fc.assert(
      fc.property(
        fc.array(anyNumber, { maxLength: 40 }),
        fc.array(anyNumber, { maxLength: 40 }),
        fc.constantFrom('auto' as const, ...methods),
        (reference, current, method) => {
          const result = columnDrift(numericReference(reference), Float64Array.from(current), { method });
          if (result.status !== 'ok') {
            expect(result).toMatchObject({ score: null, drifted: false });
            expect(result.message).not.toBe('');
            return;
          }
          expect(result.score).toBeGreaterThanOrEqual(result.method === 'psi' ? -1e-12 : 0);
          if (result.kind === 'p_value') expect(result.score).toBeLessThanOrEqual(1);
          expect(JSON.parse(JSON.stringify(result))).toEqual(result);
        },
      ),
    );
  });

  it('never throws for categories', () => {
    const cells = fc.array(fc.option(fc.constantFrom('a', 'b', 'c', 'd')), { maxLength: 30 });
    fc.assert(
      fc.property(
        cells,
        cells,
        fc.constantFrom('auto' as const, ...methods),
        (reference, current, method) => {
          const result = columnDrift(categoryReference(reference), countCategories(current), { method });
          const applies = method === 'auto' || driftMethods[method].categorical;
          const present = [reference, current].every((side) => side.some((cell) => cell !== null));
          expect(result.status).toBe(!present ? 'insufficient' : applies ? 'ok' : 'error');
        },
      ),
    );
  });

  it('finds none between a sample and itself, in any order', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(...methods),
        (values, method) => {
          const result = columnDrift(numericReference(values), Float64Array.from(values).reverse(), {
            method,
          });
          if (result.kind === 'p_value') expect(result.score).toBeCloseTo(1, 12);
          else expect(result.score).toBeCloseTo(0, 12);
          expect(result.drifted).toBe(false);
        },
      ),
    );
  });

  it('of ks and normalised wasserstein does not change when both sides are shifted and scaled', () => {
    // Powers of two and whole numbers: no rounding may separate what was equal.
    const whole = fc.array(fc.integer({ min: -500, max: 500 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(whole, whole, fc.constantFrom('ks' as const, 'wasserstein' as const), (a, b, method) => {
        fc.pre(new Set(a).size > 1);
        const move = (x: number): number => 4 * x + 1024;
        const plain = columnDrift(numericReference(a), Float64Array.from(b), { method });
        const moved = columnDrift(numericReference(a.map(move)), Float64Array.from(b, move), { method });
        expect(moved.score).toBeCloseTo(plain.score!, 10);
      }),
    );
  });

  it('of ks, jensenshannon and psi is the same both ways', () => {
    const sample = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 40 });
    fc.assert(
      fc.property(
        sample,
        sample,
        fc.constantFrom('ks' as const, 'jensenshannon' as const, 'psi' as const),
        (a, b, method) => {
          const forth = columnDrift(numericReference(a), Float64Array.from(b), { method });
          const back = columnDrift(numericReference(b), Float64Array.from(a), { method });
          expect(forth.score).toBeCloseTo(back.score!, 10);
        },
      ),
    );
  });

  it('does not depend on the order of categories or on ones without rows', () => {
    const cells = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 30 });
    const categorical = methods.filter((method) => driftMethods[method].categorical);
    fc.assert(
      fc.property(cells, cells, fc.constantFrom(...categorical), (a, b, method) => {
        const other = currentColumn(columnFromValues('c', 'categorical', b, ['z', 'c', 'b', 'a']));
        const first = columnDrift(categoryReference(a), countCategories(b), { method });
        expect(columnDrift(categoryReference(a), other, { method })).toEqual(first);
      }),
    );
  });

  it('is insufficient for an empty or all-missing side, and below the minimum rows', () => {
    const reference = numericReference([1, 2, 3]);
    expect(columnDrift(reference, new Float64Array(0))).toMatchObject({
      status: 'insufficient',
      score: null,
    });
    expect(columnDrift(reference, Float64Array.of(NaN, Infinity))).toMatchObject({
      status: 'insufficient',
      currentRows: 0,
    });
    expect(columnDrift(numericReference([NaN]), Float64Array.of(1))).toMatchObject({
      status: 'insufficient',
    });
    expect(columnDrift(reference, Float64Array.of(1), { minimumRows: 2 })).toMatchObject({
      status: 'insufficient',
    });
    expect(columnDrift(categoryReference(['a']), countCategories([null]))).toMatchObject({
      status: 'insufficient',
    });
  });

  it('is an error where the type or the method does not fit', () => {
    const reference = numericReference([1, 2, 3]);
    expect(columnDrift(reference, countCategories(['a']))).toMatchObject({ status: 'error', drifted: false });
    expect(columnDrift(categoryReference(['a']), Float64Array.of(1))).toMatchObject({ status: 'error' });
    expect(columnDrift(categoryReference(['a']), countCategories(['a']), { method: 'ks' })).toMatchObject({
      status: 'error',
    });
    const unknown = 'nonsense' as DriftMethod;
    expect(columnDrift(reference, Float64Array.of(1), { method: unknown })).toMatchObject({
      status: 'error',
    });
  });

  it('has a certain verdict for constants', () => {
    const ones = numericReference(new Array<number>(50).fill(1));
    const twos = new Float64Array(50).fill(2);
    const score = (method: DriftMethod): number => columnDrift(ones, twos, { method }).score!;
    expect(score('jensenshannon')).toBeCloseTo(0.8325546, 7);
    expect(score('psi')).toBeCloseTo(18.4188386759, 9);
    expect(score('kl_div')).toBeCloseTo(9.2084984881, 9);
    expect(score('wasserstein')).toBe(1000);
    expect(score('ks')).toBeCloseTo(1.9823306e-29, 36);
    expect(columnDrift(ones, twos)).toMatchObject({ method: 'z', drifted: true });
    expect(columnDrift(ones, new Float64Array(9).fill(1))).toMatchObject({
      method: 'z',
      score: 1,
      drifted: false,
    });
  });

  it('takes one new category for certain drift by chi-square', () => {
    const result = columnDrift(categoryReference(['a', 'b', 'a', 'b']), countCategories(['a', 'b', 'new']));
    expect(result).toMatchObject({ method: 'chisquare', score: 0, drifted: true });
    expect(result.statistic).toBeUndefined();
  });

  it('takes the threshold given', () => {
    const reference = numericReference([1, 2, 3, 4, 5, 6, 7, 8]);
    const current = Float64Array.of(5, 6, 7, 8);
    const { score } = columnDrift(reference, current);
    expect(columnDrift(reference, current, { threshold: score! }).drifted).toBe(true);
    expect(columnDrift(reference, current, { threshold: score! / 2 }).drifted).toBe(false);
  });
});

describe('Kolmogorov distribution', () => {
  it('falls as the statistic grows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, a, b) => {
          const [low, high] = a < b ? [a, b] : [b, a];
          // Where one branch meets the next, they agree to 1e-5 for few rows.
          expect(kolmogorovSurvival(n, high)).toBeLessThanOrEqual(kolmogorovSurvival(n, low) + 1e-5);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('reference', () => {
  it('keeps distinct values and counts, exactly up to the cap', () => {
    const reference = numericReference([3, 1, 3, NaN, Infinity, 2, 3, -0, 0]);
    expect(reference).toMatchObject({ n: 7, missing: 2, exact: true });
    expect([...Array.from(reference.values)]).toEqual([-0, 1, 2, 3]);
    expect([...Array.from(reference.counts)]).toEqual([2, 1, 1, 3]);
  });

  it('beyond the cap keeps all rows, both ends and distances to about 1 / cap', () => {
    fc.assert(
      fc.property(
        fc.array(finite, { minLength: 60, maxLength: 300 }),
        fc.array(finite, { minLength: 20, maxLength: 60 }),
        (a, b) => {
          const full = numericReference(a);
          fc.pre(full.values.length > 50);
          const capped = numericReference(a, 50);
          expect(capped.exact).toBe(false);
          expect(capped.values.length).toBeLessThanOrEqual(50);
          expect(Array.from(capped.counts).reduce((sum, count) => sum + count, 0)).toBe(a.length);
          expect([capped.values[0], capped.values[capped.values.length - 1]]).toEqual([
            full.values[0],
            full.values[full.values.length - 1],
          ]);
          const current = Float64Array.from(b);
          const exact = columnDrift(full, current, { method: 'ks' }).statistic!;
          const near = columnDrift(capped, current, { method: 'ks' }).statistic!;
          // One centroid's mass; a value that occurs often is never split, so its mass counts too.
          const heaviest = Math.max(...Array.from(capped.counts)) / a.length;
          expect(Math.abs(exact - near)).toBeLessThanOrEqual(heaviest + 1e-12);
        },
      ),
    );
  });

  it('refuses text, for which there is no test', () => {
    expect(() => buildReferenceColumn(columnFromValues('note', 'text', ['a']))).toThrow(/free text/);
  });
});

describe('data set drift', () => {
  const column = (status: 'ok' | 'insufficient', drifted: boolean): ColumnDrift => ({
    column: 'c',
    type: 'numeric',
    status,
    score: 0,
    threshold: 0,
    drifted,
    referenceRows: 1,
    currentRows: 1,
  });

  it('is the share of drifted among tested columns, from the threshold on', () => {
    const columns = [column('ok', true), column('ok', false), column('insufficient', false)];
    expect(datasetDrift(columns)).toEqual({
      drifted: true,
      driftedColumns: 1,
      testedColumns: 2,
      share: 0.5,
      threshold: 0.5,
    });
    expect(datasetDrift(columns, 0.6).drifted).toBe(false);
    expect(datasetDrift([column('insufficient', false)], 0)).toMatchObject({
      drifted: false,
      share: 0,
      testedColumns: 0,
    });
  });
});

describe('data quality', () => {
  it('counts missing, infinite and out-of-range numbers', () => {
    const quality = dataQuality(
      numericReference([1, 2, 3, NaN]),
      Float64Array.of(0, 2, 3, 4, NaN, Infinity, NaN, NaN),
    );
    expect(quality).toMatchObject({
      rows: 8,
      missing: 4,
      missingShare: 0.5,
      referenceMissingShare: 0.25,
      missingShareChange: 0.25,
      infinite: 1,
      outOfRange: 2,
      outOfRangeShare: 0.5,
      range: { min: 1, max: 3 },
    });
    expect(quality.issues.map((issue) => issue.kind)).toEqual(['missing_share', 'infinite', 'out_of_range']);
  });

  it('lists new categories, most frequent first', () => {
    const quality = dataQuality(categoryReference(['a', 'b']), countCategories(['a', 'y', 'x', 'x', null]));
    expect(quality.newCategories).toEqual([
      { category: 'x', count: 2 },
      { category: 'y', count: 1 },
    ]);
    expect(quality).toMatchObject({ newCategoryShare: 0.75, missingShare: 0.2 });
    expect(quality.issues.map((issue) => issue.kind)).toEqual(['missing_share', 'new_category']);
  });

  it('tells all-missing and newly constant columns', () => {
    expect(
      dataQuality(numericReference([1, 2]), Float64Array.of(NaN, NaN)).issues.map((i) => i.kind),
    ).toEqual(['all_missing']);
    expect(dataQuality(numericReference([1, 2]), Float64Array.of(2, 2)).issues.map((i) => i.kind)).toEqual([
      'constant',
    ]);
    expect(dataQuality(numericReference([2, 2]), Float64Array.of(2, 2)).issues).toEqual([]);
  });

  it('finds no issue in the reference itself, nor in no rows at all', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(finite, fc.constant(NaN)), { minLength: 1, maxLength: 40 }), (values) => {
        fc.pre(values.some((value) => !Number.isNaN(value)));
        expect(dataQuality(numericReference(values), Float64Array.from(values)).issues).toEqual([]);
      }),
    );
    expect(dataQuality(numericReference([1]), new Float64Array(0))).toMatchObject({
      issues: [],
      missingShare: 0,
    });
  });
});
