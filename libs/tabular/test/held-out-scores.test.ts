import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  classMetricNames,
  evaluateClassification,
  evaluateMultilabel,
  evaluateRegression,
} from '../src/index.js';

const scored = fc.integer({ min: 2, max: 4 }).chain((k) =>
  fc
    .array(
      fc.record({
        truth: fc.integer({ min: 0, max: k - 1 }),
        scores: fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: k, maxLength: k }),
        weight: fc.integer({ min: 1, max: 4 }),
      }),
      { minLength: 1, maxLength: 25 },
    )
    .map((rows) => ({
      labels: Array.from({ length: k }, (_, i) => `c${i}`),
      truth: rows.map((row) => row.truth),
      probabilities: rows.flatMap(({ scores }) => {
        const sum = scores.reduce((a, b) => a + b, 0);
        return scores.map((score) => score / sum);
      }),
      weights: rows.map((row) => row.weight),
      k,
    })),
);

/** Calibration and one-vs-one AUC know no repeated rows, or take no weights. */
const close = (actual: Record<string, number>, expected: Record<string, number>): void => {
  for (const [name, value] of Object.entries(expected)) {
    if (name === 'roc_auc_ovo') continue;
    if (name === 'roc_auc' && actual[name] === undefined) continue;
    expect(actual[name], name).toBeCloseTo(value, 9);
  }
};

describe('metrics of held-out rows', () => {
  it('with a weight count a row as often as it says', () => {
    fc.assert(
      fc.property(scored, ({ labels, truth, probabilities, weights, k }) => {
        const often = truth.flatMap((code, row) =>
          Array.from({ length: weights[row]! }, () => [code, row] as const),
        );
        const repeated = evaluateClassification({
          labels,
          truth: often.map(([code]) => code),
          probabilities: often.flatMap(([, row]) => probabilities.slice(row * k, row * k + k)),
        });
        close(evaluateClassification({ labels, truth, probabilities, weights }).metrics, repeated.metrics);
      }),
    );
  });

  it('with equal weights are those without', () => {
    fc.assert(
      fc.property(scored, ({ labels, truth, probabilities }) => {
        const plain = evaluateClassification({ labels, truth, probabilities });
        close(
          evaluateClassification({ labels, truth, probabilities, weights: truth.map(() => 2) }).metrics,
          plain.metrics,
        );
      }),
    );
    const truth = [1, 2, 4, 8];
    const predictions = [1, 3, 4, 6];
    const { metrics } = evaluateRegression({ truth, predictions });
    close(evaluateRegression({ truth, predictions, weights: [3, 3, 3, 3] }).metrics, metrics);
  });

  it('of a fold without a class leave out what is not defined, and keep the rest', () => {
    const { metrics } = evaluateClassification({
      labels: ['a', 'b', 'c'],
      truth: [0, 1, 1],
      probabilities: [0.8, 0.1, 0.1, 0.2, 0.7, 0.1, 0.3, 0.6, 0.1],
    });
    for (const name of ['roc_auc_ovr', 'roc_auc_ovo', 'pr_auc', 'recall_of_c'])
      expect(metrics).not.toHaveProperty([name]);
    expect(metrics).toMatchObject({ accuracy: 1, mcc: 1, cohen_kappa: 1, recall_of_b: 1, roc_auc: 1 });
  });

  it('of single classes have names that any store takes, one each', () => {
    expect(classMetricNames(['a.b', 'a$b', 'c'])).toEqual([
      ...['precision', 'recall', 'f1'].map((name) => `${name}_of_a_b_0`),
      ...['precision', 'recall', 'f1'].map((name) => `${name}_of_a_b_1`),
      ...['precision', 'recall', 'f1'].map((name) => `${name}_of_c`),
    ]);
    expect(classMetricNames(Array.from({ length: 51 }, (_, i) => String(i)))).toEqual([]);
  });
});

describe('metrics of rows that scores are not defined for', () => {
  it('are none where all rows weigh nothing, not ratios of 0', () => {
    const weights = [0, 0];
    const classes = { labels: ['n', 'y'], truth: [0, 1], probabilities: [0.2, 0.7], weights };
    expect(evaluateClassification(classes).metrics).toEqual({});
    const sets = { labels: ['a'], truth: [1, 0], probabilities: [0.2, 0.7], threshold: 0.5, weights };
    expect(evaluateMultilabel(sets).metrics).toEqual({});
  });

  it('of a constant truth explain nothing or all, though its mean is rounded', () => {
    const truth = [0.1, 0.1, 0.1];
    for (const weights of [undefined, [1, 2, 4]]) {
      const given = weights === undefined ? {} : { weights };
      const wrong = evaluateRegression({ truth, predictions: [1, 2, 3], ...given }).metrics;
      expect(wrong).toMatchObject({ r2: 0, explained_variance: 0 });
      const right = evaluateRegression({ truth, predictions: truth, ...given }).metrics;
      expect(right).toMatchObject({ r2: 1, explained_variance: 1 });
    }
  });

  it('of numbers whose squares overflow have no share explained, not 0', () => {
    const { metrics } = evaluateRegression({ truth: [1e300, -1e300, 1], predictions: [-1e300, 1e300, 0] });
    expect(metrics).not.toHaveProperty('r2');
    expect(metrics).not.toHaveProperty('explained_variance');
  });
});
