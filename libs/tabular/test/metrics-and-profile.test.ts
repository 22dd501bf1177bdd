import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  TabularError,
  columnFromValues,
  confusionMatrix,
  createRandom,
  evaluateClassification,
  evaluateRegression,
  isBetter,
  metricDirection,
  metricDirections,
  profileTable,
  rocAuc,
  sumConfusions,
  summarise,
  summariseMetrics,
} from '../src/index.js';
import { ascendingOrder, descendingOrder } from '../src/metrics/score-order.js';
import { sortScratch, sortedFinite, sortedNumbers } from '../src/profile/sort-floats.js';
import { anyTable } from './arbitraries.js';

const labels = ['a', 'b', 'c'];

describe('metrics', () => {
  it('leave rows without a truth out', () => {
    const known = evaluateClassification({
      labels,
      truth: [0, 1],
      probabilities: [0.8, 0.1, 0.1, 0.3, 0.6, 0.1],
    });
    const more = evaluateClassification({
      labels,
      truth: Int32Array.of(0, -1, 1),
      probabilities: [0.8, 0.1, 0.1, 0, 0, 1, 0.3, 0.6, 0.1],
    });
    expect(more).toEqual(known);
    expect(known.rows).toBe(2);
    const regression = evaluateRegression({ truth: [1, NaN, 3], predictions: [1, 9, 4] });
    expect(regression).toEqual(evaluateRegression({ truth: [1, 3], predictions: [1, 4] }));
  });

  it('that are undefined are left out, not NaN: absent classes and no rows', () => {
    const one = evaluateClassification({ labels: ['n', 'y'], truth: [1, 1], probabilities: [0.9, 0.4] });
    expect(one.metrics).not.toHaveProperty('roc_auc');
    expect(one.metrics['accuracy']).toBe(0.5);
    expect(evaluateClassification({ labels, truth: [], probabilities: [] })).toMatchObject({
      rows: 0,
      metrics: {},
    });
    expect(evaluateRegression({ truth: [], predictions: [] })).toEqual({ rows: 0, metrics: {} });
  });

  it('all have a direction, and better follows it', () => {
    const { metrics } = evaluateClassification({
      labels: ['n', 'y'],
      truth: [0, 1],
      probabilities: [0.2, 0.7],
    });
    const regression = evaluateRegression({ truth: [1, 2], predictions: [1, 3] }).metrics;
    const general = Object.keys({ ...metrics, ...regression }).filter((name) => !name.includes('_of_'));
    for (const name of general) expect(metricDirections).toHaveProperty(name);
    expect(metricDirection('loss')).toBe('lower');
    expect(metricDirection('f1_macro')).toBe('higher');
    expect(isBetter('rmse', 1, 2)).toBe(true);
    expect(isBetter('accuracy', 1, 2)).toBe(false);
    expect(isBetter('accuracy', 1, 1)).toBe(false);
  });

  it('refuse probabilities that do not suit the rows, and class codes beyond the labels', () => {
    expect(() => evaluateClassification({ labels, truth: [0], probabilities: [1] })).toThrow(TabularError);
    expect(() => evaluateClassification({ labels, truth: [3], probabilities: [1, 0, 0] })).toThrow(
      /class 3 of 3/,
    );
    expect(() => evaluateRegression({ truth: [0], predictions: [] })).toThrow(TabularError);
  });

  it('AUC is the share of ordered pairs', () => {
    const rows = fc.array(fc.record({ positive: fc.boolean(), score: fc.integer({ min: 0, max: 5 }) }), {
      maxLength: 30,
    });
    fc.assert(
      fc.property(rows, (sample) => {
        let pairs = 0;
        let won = 0;
        for (const p of sample.filter((row) => row.positive)) {
          for (const n of sample.filter((row) => !row.positive)) {
            pairs++;
            won += p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0;
          }
        }
        const auc = rocAuc(
          sample.map((row) => row.positive),
          sample.map((row) => row.score),
        );
        if (pairs === 0) expect(auc).toBeNaN();
        else expect(auc).toBeCloseTo(won / pairs, 12);
      }),
    );
  });

  it('confusions of folds sum to the confusion of all rows', () => {
    const truth = [0, 1, 2, 1, 0];
    const predicted = [0, 2, 2, 1, 1];
    const parts = [
      [0, 2],
      [2, 5],
    ].map(([from, to]) => confusionMatrix(labels, truth.slice(from, to), predicted.slice(from, to)));
    expect(sumConfusions(parts)).toEqual(confusionMatrix(labels, truth, predicted));
  });

  it('are summed up by mean and population standard deviation, only where every fold has them', () => {
    expect(summarise([1, 2, 3, 4])).toEqual({ mean: 2.5, std: Math.sqrt(1.25) });
    expect(summariseMetrics([{ a: 1, b: 2 }, { a: 3 }])).toEqual({ a: { mean: 2, std: 1 } });
    expect(summariseMetrics([])).toEqual({});
  });
});

describe('profiles', () => {
  it('are JSON and account for every row of any table', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        const profile = profileTable(table, { top: 100 });
        // -0 becomes 0 in JSON.
        expect(JSON.parse(JSON.stringify(profile))).toEqual(
          JSON.parse(JSON.stringify(structuredClone(profile))),
        );
        for (const column of profile.columns) {
          expect(column.count + column.missing).toBe(table.rows);
          expect(column.allMissing).toBe(column.distinct === 0);
          const counts =
            column.type === 'numeric' ? column.histogram.counts : column.top.map((entry) => entry.count);
          expect(counts.reduce((sum, count) => sum + count, 0)).toBe(column.count);
        }
      }),
    );
  });

  it('list the most frequent categories, ties by name, and flag constants', () => {
    const table = {
      rows: 5,
      columns: [
        columnFromValues('c', 'categorical', ['b', 'a', 'b', 'a', null]),
        { name: 'k', type: 'numeric' as const, values: Float64Array.of(2, 2, NaN, 2, Infinity) },
      ],
    };
    const [categorical, numeric] = profileTable(table, { top: 1 }).columns;
    expect(categorical).toMatchObject({
      distinct: 2,
      missingShare: 0.2,
      top: [{ category: 'a', count: 2, share: 0.4 }],
    });
    expect(numeric).toMatchObject({
      constant: true,
      missing: 2,
      infinite: 1,
      populationStd: 0,
      histogram: { edges: [2, 2], counts: [3] },
    });
  });
});

describe('sorting of many numbers', () => {
  it('gives what the engine sorts, to the bit, without what is not finite', () => {
    const random = createRandom(5);
    const special = [0, -0, NaN, Infinity, -Infinity, 5e-324, -5e-324, 1e308, -1e308, 3, -3];
    for (const rows of [0, 1, 100, 5000]) {
      const values = Float64Array.from({ length: rows }, (_, i) =>
        i % 7 === 0
          ? special[i % special.length]!
          : i % 3 === 0
            ? Math.round(random.normal(0, 50))
            : random.normal(),
      );
      expect(sortedFinite(values)).toEqual(values.filter(Number.isFinite).sort());
      expect(sortedNumbers(values)).toEqual(values.filter((value) => !Number.isNaN(value)).sort());
    }
  });

  it('also where many share the upper half of their bits, and in memory that was used before', () => {
    const random = createRandom(6);
    const scratch = sortScratch(6000);
    for (const width of [2, 20, 4000]) {
      const steps = Array.from({ length: 5000 }, () => Math.floor(width * random.uniform()));
      const close = Float64Array.from(
        steps,
        (step, i) => (i % 2 === 0 ? 1 : -1) * (1 + step * Number.EPSILON),
      );
      expect(sortedFinite(close, scratch)).toEqual(close.slice().sort());
      expect(sortedFinite(close.subarray(0, 3000), scratch)).toEqual(close.slice(0, 3000).sort());
      expect(sortedNumbers(close, sortScratch(10))).toEqual(close.slice().sort());
    }
  });

  it('orders rows by their scores as a stable sort does, up and down', () => {
    const random = createRandom(7);
    for (const rows of [0, 1, 100, 5000]) {
      for (const score of [
        () => Math.fround(random.uniform()),
        () => Math.floor(5 * random.uniform()) - 2,
        () => 0.5 + Math.floor(3000 * random.uniform()) * 2 ** -53,
        () => (random.uniform() < 0.5 ? -0 : 0),
      ]) {
        const scores = Array.from({ length: rows }, score);
        const all = scores.map((_, row) => row);
        expect([...ascendingOrder(scores)]).toEqual(all.toSorted((a, b) => scores[a]! - scores[b]!));
        expect([...descendingOrder(scores)]).toEqual(all.toSorted((a, b) => scores[b]! - scores[a]!));
      }
    }
  });
});
