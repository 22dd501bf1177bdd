import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  accuracyScore,
  addMoments,
  addToConfusion,
  addToSketch,
  averageMultilabelScores,
  averagePrecision,
  averageScores,
  balancedClassWeights,
  brierScore,
  calibrationBins,
  calibrationError,
  cohenKappaScore,
  createQuantileSketch,
  emptyConfusion,
  evaluateRegression,
  logLoss,
  matthewsCorrcoef,
  meanPinballLoss,
  meanTweedieDeviance,
  mergeMoments,
  mergeSketches,
  momentsSummary,
  multiclassRocAuc,
  multilabelHammingLoss,
  noMoments,
  rocAuc,
  sketchQuantile,
  sketchWeight,
  sumConfusions,
  TabularError,
  topLabelCalibration,
  weightedConfusion,
  weightedRegressionScores,
  weightedRocAuc,
} from '../src/index.js';

/** Rows of (truth, prediction, score, number, weight as a count). */
const rows = fc
  .array(
    fc.record({
      truth: fc.integer({ min: 0, max: 2 }),
      predicted: fc.integer({ min: 0, max: 2 }),
      score: fc.integer({ min: 0, max: 8 }).map((i) => i / 8),
      number: fc.integer({ min: -40, max: 40 }).map((i) => i / 8),
      weight: fc.integer({ min: 0, max: 3 }),
    }),
    { minLength: 1, maxLength: 25 },
  )
  .filter((all) => all.some(({ weight }) => weight > 0));
type Row = { truth: number; predicted: number; score: number; number: number; weight: number };

/** Every metric that takes row weights. */
const metrics: Record<string, (all: Row[], weights: { weights?: number[] }) => number> = {
  accuracy: (all, w) => accuracyScore({ ...classes(all), ...w }),
  mcc: (all, w) => matthewsCorrcoef({ ...classes(all), ...w }),
  kappa: (all, w) => cohenKappaScore({ ...classes(all), ...w }, { weighting: 'linear' }),
  'micro F1': (all, w) => averageScores({ ...classes(all), ...w }, 'micro').fscore,
  'weighted F1': (all, w) => averageScores({ ...classes(all), ...w }, 'weighted').fscore,
  'macro jaccard': (all, w) =>
    averageScores({ ...classes(all), ...w }, 'macro', { labels: [0, 1, 2] }).jaccard,
  'roc auc': (all, w) => weightedRocAuc({ ...binary(all), ...w }),
  'partial auc': (all, w) => weightedRocAuc({ ...binary(all), ...w }, { maxFpr: 0.4 }),
  'average precision': (all, w) => averagePrecision({ ...binary(all), ...w }),
  'log loss': (all, w) => logLoss({ ...probabilities(all), ...w }),
  brier: (all, w) => brierScore({ ...probabilities(all), ...w }),
  'one-vs-rest': (all, w) => multiclassRocAuc({ ...probabilities(all), ...w }, { average: 'weighted' }),
  ece: (all, w) => calibrationError({ ...calibration(all), ...w }, { bins: 4 }).expected,
  hamming: (all, w) => multilabelHammingLoss({ ...multilabel(all), ...w }),
  'samples F1': (all, w) => averageMultilabelScores({ ...multilabel(all), ...w }, 'samples').fscore,
  mae: (all, w) => weightedRegressionScores({ ...regression(all), ...w }).mae,
  r2: (all, w) => weightedRegressionScores({ ...regression(all), ...w }).explainedVariance,
  'median error': (all, w) => weightedRegressionScores({ ...regression(all), ...w }).medianAbsoluteError,
  pinball: (all, w) => meanPinballLoss({ ...regression(all), ...w }, 0.8),
  'sample variance': (all, w) =>
    momentsSummary(
      addMoments(
        noMoments,
        all.map((r) => r.number),
        w.weights,
      ),
    ).sampleVariance,
};
const classes = (all: Row[]) => ({ truth: all.map((r) => r.truth), predicted: all.map((r) => r.predicted) });
const binary = (all: Row[]) => ({ positive: all.map((r) => r.truth > 0), scores: all.map((r) => r.score) });
const calibration = (all: Row[]) => ({
  positive: all.map((r) => r.truth > 0),
  probabilities: all.map((r) => r.score),
});
const probabilities = (all: Row[]) => ({
  truth: all.map((r) => r.truth),
  probabilities: all.flatMap((r) => [r.score / 2, 0.5 - r.score / 2, 0.5]),
  classes: 3,
});
const multilabel = (all: Row[]) => ({
  truth: all.flatMap((r) => [r.truth & 1, r.truth >> 1]),
  predicted: all.flatMap((r) => [r.predicted & 1, r.predicted >> 1]),
  labels: 2,
});
const regression = (all: Row[]) => ({
  truth: all.map((r) => r.number),
  predictions: all.map((r) => 5 * r.score),
});

function expectSame(actual: number, expected: number): void {
  if (Number.isNaN(expected)) expect(actual).toBeNaN();
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-10 * Math.max(1, Math.abs(expected)));
}

describe('weights and order', () => {
  it.each(Object.entries(metrics))('%s: a weight is a repetition', (_, metric) => {
    fc.assert(
      fc.property(rows, (all) => {
        const repeated = all.flatMap((row) => Array<Row>(row.weight).fill(row));
        expectSame(metric(all, { weights: all.map((r) => r.weight) }), metric(repeated, {}));
      }),
    );
  });

  it.each(Object.entries(metrics))('%s: the order of rows does not matter', (_, metric) => {
    fc.assert(
      fc.property(rows, fc.boolean(), (all, byScore) => {
        const turned = byScore ? [...all].sort((a, b) => a.score - b.score) : [...all].reverse();
        const weights = (list: Row[]) => ({ weights: list.map((r) => r.weight + 0.5) });
        expectSame(metric(turned, weights(turned)), metric(all, weights(all)));
      }),
    );
  });

  it('metrics with weights equal those without, of the same library', () => {
    fc.assert(
      fc.property(rows, (all) => {
        const { positive, scores } = binary(all);
        expectSame(weightedRocAuc({ positive, scores }), rocAuc(positive, scores));
        const old = evaluateRegression(regression(all)).metrics;
        const now = weightedRegressionScores(regression(all));
        for (const [name, value] of Object.entries({
          mae: now.mae,
          rmse: now.rmse,
          median_absolute_error: now.medianAbsoluteError,
          max_error: now.maxError,
        })) {
          expectSame(value, old[name]!);
        }
      }),
    );
  });

  it('balanced weights give every class the same total', () => {
    const codes = [0, 0, 0, 2, 2, 3, -1];
    const weights = balancedClassWeights(codes, 5);
    expect([...weights]).toEqual([2 / 3, 0, 1, 2, 0]);
  });
});

describe('rows without a truth, and wrong input', () => {
  it('rows with a negative or NaN truth do not count', () => {
    expect(accuracyScore({ truth: [0, -1, 1], predicted: [0, 1, 1] })).toBe(1);
    expect(logLoss({ truth: [-1, 1], probabilities: [1, 0, 0.5, 0.5], classes: 2 })).toBeCloseTo(
      Math.LN2,
      14,
    );
    expect(weightedRegressionScores({ truth: [NaN, 1], predictions: [0, 2], weights: [9, 1] }).mae).toBe(1);
    expect(topLabelCalibration({ truth: [-1, 1], probabilities: [1, 0, 0.2, 0.8], classes: 2 })).toEqual({
      positive: Uint8Array.of(1),
      probabilities: Float64Array.of(0.8),
    });
  });

  it('refuses lengths that differ, negative weights, unknown codes and values outside their range', () => {
    const wrong = [
      () => accuracyScore({ truth: [0, 1], predicted: [0] }),
      () => accuracyScore({ truth: [0], predicted: [0], weights: [-1] }),
      () => accuracyScore({ truth: [0], predicted: [0], weights: [NaN] }),
      () => weightedConfusion({ truth: [2], predicted: [0], classes: 2 }),
      () => weightedConfusion({ truth: [0], predicted: [-1], classes: 2 }),
      () => calibrationBins({ positive: [1], probabilities: [1.5] }),
      () => calibrationBins({ positive: [1], probabilities: [0.5] }, { bins: 0 }),
      () => weightedRocAuc({ positive: [1, 0], scores: [1, 0] }, { maxFpr: 0 }),
      () =>
        multiclassRocAuc(
          { truth: [0], probabilities: [1, 0], classes: 2, weights: [1] },
          { multiClass: 'ovo' },
        ),
      () => meanPinballLoss({ truth: [1], predictions: [1] }, 2),
      () => meanTweedieDeviance({ truth: [1], predictions: [1] }, 0.5),
      () => meanTweedieDeviance({ truth: [0], predictions: [1] }, 2),
      () => multilabelHammingLoss({ truth: [0, 1, 1], predicted: [0, 1, 1], labels: 2 }),
      () => addMoments(noMoments, [Infinity]),
      () => addToSketch(createQuantileSketch(), [-Infinity]),
      () => createQuantileSketch(1),
      () => mergeSketches(createQuantileSketch(0.1), createQuantileSketch(0.2)),
    ];
    for (const action of wrong) expect(action).toThrow(TabularError);
  });
});

describe('calibration error', () => {
  it('is 0 for bins whose share of positives is the probability, and the distance else', () => {
    const positive = [1, 0, 0, 0, 1, 1, 1, 0];
    const probabilities = [0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75];
    expect(calibrationError({ positive, probabilities })).toEqual({ expected: 0, maximum: 0 });
    // Four rows at 0.05, all positive: 0.95 off; four at 0.95, three positive: 0.2 off.
    const off = calibrationError({
      positive: [1, 1, 1, 1, 1, 1, 1, 0],
      probabilities: [0.05, 0.05, 0.05, 0.05, 0.95, 0.95, 0.95, 0.95],
    });
    expect(off.expected).toBeCloseTo((0.95 + 0.2) / 2, 14);
    expect(off.maximum).toBeCloseTo(0.95, 14);
    expect(calibrationError({ positive: [], probabilities: [] }).expected).toBeNaN();
  });

  it('bins of equal counts hold equally many rows of distinct probabilities', () => {
    const probabilities = Array.from({ length: 40 }, (_, i) => (i / 40) ** 3);
    const bins = calibrationBins(
      { positive: probabilities.map(() => 1), probabilities },
      { bins: 8, strategy: 'quantile' },
    );
    expect(bins.map(({ weight }) => weight)).toEqual(Array(8).fill(5));
    const wide = calibrationBins({ positive: probabilities.map(() => 1), probabilities }, { bins: 8 });
    expect(wide[0]!.weight).toBeGreaterThan(15);
  });
});

const value = fc.oneof(
  fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  fc.integer({ min: -3, max: 3 }),
  fc.double({ min: 1e-12, max: 1e-6, noNaN: true }),
);
const chunks = fc.array(fc.array(value, { maxLength: 15 }), { minLength: 1, maxLength: 5 });

describe('streaming', () => {
  it('a sketch’s quantiles are within its relative error of the ranked value, however it was chunked', () => {
    fc.assert(
      fc.property(
        chunks,
        fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.25, 0.5, 0.75, 1)),
        fc.constantFrom(0.001, 0.01, 0.2),
        (parts, q, error) => {
          const sorted = parts.flat().sort((a, b) => a - b);
          const sketches = parts.map((part) => addToSketch(createQuantileSketch(error), part));
          const merged = sketches.reduce(mergeSketches);
          const stored = JSON.parse(JSON.stringify(merged)) as typeof merged;
          const added = parts.reduce(
            (sketch, part) => addToSketch(sketch, part),
            createQuantileSketch(error),
          );
          expect(added).toEqual(merged);
          expect(mergeSketches(createQuantileSketch(error), merged)).toEqual(merged);
          expect(sketchWeight(stored)).toBe(sorted.length);
          if (sorted.length === 0) {
            expect(sketchQuantile(stored, q)).toBeNaN();
            return;
          }
          const exact = sorted[Math.floor(q * (sorted.length - 1))]!;
          expect(Math.abs(sketchQuantile(stored, q) - exact)).toBeLessThanOrEqual(
            error * Math.abs(exact) * (1 + 1e-9),
          );
          expect(sketchQuantile(stored, 0)).toBe(sorted[0]);
          expect(sketchQuantile(stored, 1)).toBe(sorted.at(-1));
        },
      ),
    );
  });

  it('a sketch’s median of three values is the middle one', () => {
    const sketch = addToSketch(createQuantileSketch(0.01), [100, 1, 10]);
    expect(Math.abs(sketchQuantile(sketch, 0.5) - 10)).toBeLessThanOrEqual(0.1);
  });

  it('a sketch of a million values stays small', () => {
    const values = Float64Array.from({ length: 1_000_000 }, (_, i) => Math.exp((i % 1000) / 100));
    const sketch = addToSketch(createQuantileSketch(0.01), values);
    expect(sketch.positive.length).toBeLessThan(600);
    expect(Math.abs(sketchQuantile(sketch, 0.5) / Math.exp(4.99) - 1)).toBeLessThanOrEqual(0.01);
  });

  it('moments of chunks merge to those of all values, in any order; missing values are counted', () => {
    const cell = fc.oneof(
      fc.integer({ min: -800, max: 800 }).map((i) => i / 16),
      fc.constant(NaN),
    );
    fc.assert(
      fc.property(fc.array(fc.array(cell, { maxLength: 12 }), { minLength: 1, maxLength: 5 }), (parts) => {
        const all = momentsSummary(addMoments(noMoments, parts.flat()));
        const forward = parts.reduce((moments, part) => addMoments(moments, part), noMoments);
        const backward = parts
          .map((part) => addMoments(noMoments, part))
          .reduceRight((a, b) => mergeMoments(a, b));
        for (const summary of [momentsSummary(forward), momentsSummary(backward)]) {
          expect(summary.missing).toBe(all.missing);
          expect([summary.count, summary.min, summary.max]).toEqual([all.count, all.min, all.max]);
          for (const key of ['mean', 'populationVariance', 'sampleVariance'] as const)
            expectSame(summary[key], all[key]);
          // Higher moments divide by the variance: nothing is left of them where it is rounding only.
          if (all.populationVariance > 1e-3) expectSame(summary.skewness, all.skewness);
          if (all.populationVariance > 1e-3) expectSame(summary.kurtosis, all.kurtosis);
        }
      }),
    );
  });

  it('a confusion matrix of chunks is that of all rows', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 4 }), (parts) => {
        const labels = ['a', 'b', 'c'];
        const all = classes(parts.flat());
        const one = parts.reduce(
          (m, part) => addToConfusion(m, classes(part).truth, classes(part).predicted),
          emptyConfusion(labels),
        );
        const merged = sumConfusions(
          parts.map((part) =>
            addToConfusion(emptyConfusion(labels), classes(part).truth, classes(part).predicted),
          ),
        );
        expect(one.counts).toEqual(weightedConfusion({ ...all, classes: 3 }));
        expect(merged).toEqual(one);
      }),
    );
    expect(addToConfusion(emptyConfusion(['a', 'b']), [0, -1], [1, 0], [2.5, 1]).counts).toEqual([
      [0, 2.5],
      [0, 0],
    ]);
  });
});
