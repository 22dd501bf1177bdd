import { describe, expect, it } from 'vitest';
import {
  accuracyScore,
  addMoments,
  averageMultilabelScores,
  averagePrecision,
  averageScores,
  balancedAccuracyScore,
  balancedClassWeights,
  balancedSampleWeights,
  binaryScores,
  brierScore,
  calibrationBins,
  classScores,
  cohenKappaScore,
  logLoss,
  matthewsCorrcoef,
  meanPinballLoss,
  meanTweedieDeviance,
  mergeMoments,
  momentsSummary,
  multiclassAveragePrecision,
  multiclassRocAuc,
  multilabelAveragePrecision,
  multilabelHammingLoss,
  multilabelRocAuc,
  multilabelScores,
  multilabelSubsetAccuracy,
  noMoments,
  precisionRecallCurve,
  rocCurve,
  topKAccuracy,
  weightedConfusion,
  weightedRegressionScores,
  weightedRocAuc,
  zeroOneLoss,
} from '../src/index.js';
import type { LabelScores, PrecisionRecall, RegressionScores, ScoreAverage } from '../src/index.js';
import { goldenCases, relativeError } from './golden.js';

const TOLERANCE = 1e-12;
/** A number as the generator writes it: null is NaN. */
type Golden = number | 'Infinity' | null;
type Triple = [Golden, Golden, Golden];

/** Equal within 1e-12, relative above 1e-3; NaN for null. */
function expectNumber(actual: number, expected: Golden, what: string): void {
  if (expected === null) {
    expect(actual, what).toBeNaN();
    return;
  }
  const number = Number(expected);
  expect(relativeError(actual, number, 1e-3), `${what}: ${actual} for ${number}`).toBeLessThanOrEqual(
    TOLERANCE,
  );
}

function expectNumbers(actual: ArrayLike<number>, expected: readonly Golden[], what: string): void {
  expect(actual.length, what).toBe(expected.length);
  expected.forEach((value, i) => expectNumber(actual[i]!, value, `${what} ${i}`));
}

/** Optional weights, as inputs take them. */
function weighted(weights: number[] | null): { weights?: number[] } {
  return weights === null ? {} : { weights };
}

function expectAverages(actual: PrecisionRecall, [precision, recall, fscore]: Triple, what: string): void {
  expectNumber(actual.precision, precision, `${what} precision`);
  expectNumber(actual.recall, recall, `${what} recall`);
  expectNumber(actual.fscore, fscore, `${what} fscore`);
}

type EachScore = Record<'precision' | 'recall' | 'fscore' | 'support', Golden[]>;

function expectEach(actual: readonly LabelScores[], expected: EachScore): void {
  for (const key of ['precision', 'recall', 'fscore', 'support'] as const) {
    expectNumbers(
      actual.map((score) => score[key]),
      expected[key],
      key,
    );
  }
}

interface ClassCase {
  title: string;
  classes: number;
  truth: number[];
  predicted: number[];
  weights: number[] | null;
  labels: number[];
  confusion: number[][];
  accuracy: number;
  zeroOne: number;
  balanced: number;
  adjusted: number | null;
  mcc: number;
  kappa: Golden;
  kappaLinear: Golden;
  kappaQuadratic: Golden;
  scores: {
    options: { zeroDivision: number | null; beta: number };
    each: EachScore;
    averages: Record<ScoreAverage, Triple>;
  }[];
  jaccard: Record<ScoreAverage, number>;
  binary: Triple | null;
  classWeights: number[];
  sampleWeights: number[];
}

describe('class metrics equal scikit-learn', () => {
  it.each(goldenCases<ClassCase>('sklearn/class-metrics.json'))('$title', (golden) => {
    const { truth, predicted, classes } = golden;
    const input = { truth, predicted, classes, ...weighted(golden.weights) };
    weightedConfusion(input).forEach((row, i) => expectNumbers(row, golden.confusion[i]!, `confusion ${i}`));
    expectNumber(accuracyScore(input), golden.accuracy, 'accuracy');
    expectNumber(zeroOneLoss(input), golden.zeroOne, 'zero-one');
    expectNumber(balancedAccuracyScore(input), golden.balanced, 'balanced');
    if (golden.adjusted !== null) {
      expectNumber(balancedAccuracyScore(input, { adjusted: true }), golden.adjusted, 'adjusted');
    }
    expectNumber(matthewsCorrcoef(input), golden.mcc, 'mcc');
    expectNumber(cohenKappaScore(input), golden.kappa, 'kappa');
    expectNumber(cohenKappaScore(input, { weighting: 'linear' }), golden.kappaLinear, 'linear kappa');
    expectNumber(
      cohenKappaScore(input, { weighting: 'quadratic' }),
      golden.kappaQuadratic,
      'quadratic kappa',
    );
    for (const { options, each, averages } of golden.scores) {
      const settings = { beta: options.beta, zeroDivision: options.zeroDivision ?? NaN };
      const own = classScores(input, settings);
      expect(own.map(({ label }) => label)).toEqual(golden.labels);
      expectEach(own, each);
      for (const average of ['micro', 'macro', 'weighted'] as const) {
        expectAverages(
          averageScores(input, average, settings),
          averages[average],
          `${average} ${JSON.stringify(options)}`,
        );
      }
    }
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      expectNumber(averageScores(input, average).jaccard, golden.jaccard[average], `jaccard ${average}`);
    }
    if (golden.binary !== null) expectAverages(binaryScores(input), golden.binary, 'binary');
    expectNumbers(
      balancedClassWeights(truth).filter((weight) => weight > 0),
      golden.classWeights,
      'class weights',
    );
    expectNumbers(balancedSampleWeights(truth), golden.sampleWeights, 'sample weights');
  });
});

type MultiAverage = ScoreAverage | 'samples';

interface MultilabelCase {
  title: string;
  labels: number;
  truth: number[];
  predicted: number[];
  weights: number[] | null;
  hamming: number;
  subset: number;
  scores: { zeroDivision: number | null; averages: Record<MultiAverage, Triple>; each: EachScore }[];
  jaccard: Record<MultiAverage, number>;
  probabilities: number[];
  auc?: Record<ScoreAverage, Golden>;
  averagePrecision?: Record<ScoreAverage, Golden>;
}

describe('multi-label metrics equal scikit-learn', () => {
  it.each(goldenCases<MultilabelCase>('sklearn/multilabel-metrics.json'))('$title', (golden) => {
    const { truth, predicted, labels } = golden;
    const weights = weighted(golden.weights);
    const input = { truth, predicted, labels, ...weights };
    expectNumber(multilabelHammingLoss(input), golden.hamming, 'hamming');
    expectNumber(multilabelSubsetAccuracy(input), golden.subset, 'subset accuracy');
    for (const { zeroDivision, averages, each } of golden.scores) {
      const options = { zeroDivision: zeroDivision ?? NaN };
      expectEach(multilabelScores(input, options), each);
      for (const average of ['micro', 'macro', 'weighted', 'samples'] as const) {
        expectAverages(
          averageMultilabelScores(input, average, options),
          averages[average],
          `${average} ${zeroDivision}`,
        );
      }
    }
    for (const average of ['micro', 'macro', 'weighted', 'samples'] as const) {
      expectNumber(
        averageMultilabelScores(input, average).jaccard,
        golden.jaccard[average],
        `jaccard ${average}`,
      );
    }
    if (golden.auc === undefined) return;
    const scoring = { truth, labels, scores: golden.probabilities, ...weights };
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      expectNumber(multilabelRocAuc(scoring, average), golden.auc[average], `auc ${average}`);
      const precision = golden.averagePrecision![average];
      expectNumber(multilabelAveragePrecision(scoring, average), precision, `average precision ${average}`);
    }
  });
});

interface RankingCase {
  title: string;
  positive: number[];
  scores: number[];
  weights: number[] | null;
  auc: number | null;
  averagePrecision: number;
  partial: [number, number][];
  roc: { fpr: Golden[]; tpr: Golden[]; thresholds: Golden[] };
  pr: { precision: Golden[]; recall: Golden[]; thresholds: Golden[] };
}

describe('ranking metrics equal scikit-learn', () => {
  it.each(goldenCases<RankingCase>('sklearn/ranking-metrics.json'))('$title', (golden) => {
    const input = { positive: golden.positive, scores: golden.scores, ...weighted(golden.weights) };
    expectNumber(weightedRocAuc(input), golden.auc, 'auc');
    for (const [maxFpr, area] of golden.partial)
      expectNumber(weightedRocAuc(input, { maxFpr }), area, `auc to ${maxFpr}`);
    expectNumber(averagePrecision(input), golden.averagePrecision, 'average precision');
    const roc = rocCurve(input);
    const pr = precisionRecallCurve(input);
    for (const key of ['fpr', 'tpr', 'thresholds'] as const) expectNumbers(roc[key], golden.roc[key], key);
    for (const key of ['precision', 'recall', 'thresholds'] as const)
      expectNumbers(pr[key], golden.pr[key], key);
  });
});

interface ProbabilityCase {
  title: string;
  classes: number;
  truth: number[];
  probabilities: number[];
  weights: number[] | null;
  logLoss: number;
  brier: number;
  brierFull: number;
  ovr?: Record<ScoreAverage, number>;
  ovo?: Record<'macro' | 'weighted', number>;
  averagePrecision?: Record<ScoreAverage, number>;
  topK?: [number, number][];
  calibration?: { strategy: 'uniform' | 'quantile'; bins: number; observed: number[]; predicted: number[] }[];
}

describe('probability metrics equal scikit-learn', () => {
  it.each(goldenCases<ProbabilityCase>('sklearn/probability-metrics.json'))('$title', (golden) => {
    const { truth, probabilities, classes } = golden;
    const input = { truth, probabilities, classes, ...weighted(golden.weights) };
    expectNumber(logLoss(input), golden.logLoss, 'log loss');
    expectNumber(brierScore(input), golden.brier, 'brier');
    expectNumber(brierScore(input, { scaleByHalf: false }), golden.brierFull, 'full brier');
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      if (golden.ovr === undefined) continue;
      expectNumber(multiclassRocAuc(input, { average }), golden.ovr[average], `one-vs-rest ${average}`);
      const precision = golden.averagePrecision![average];
      expectNumber(multiclassAveragePrecision(input, average), precision, `average precision ${average}`);
    }
    for (const average of ['macro', 'weighted'] as const) {
      if (golden.ovo === undefined) continue;
      expectNumber(
        multiclassRocAuc(input, { multiClass: 'ovo', average }),
        golden.ovo[average],
        `one-vs-one ${average}`,
      );
    }
    for (const [k, score] of golden.topK ?? []) expectNumber(topKAccuracy(input, k), score, `top ${k}`);
    for (const { strategy, bins, observed, predicted } of golden.calibration ?? []) {
      const second = probabilities.filter((_, i) => i % 2 === 1);
      const curve = calibrationBins({ positive: truth, probabilities: second }, { strategy, bins });
      expectNumbers(
        curve.map((bin) => bin.meanObserved),
        observed,
        'observed',
      );
      expectNumbers(
        curve.map((bin) => bin.meanPredicted),
        predicted,
        'predicted',
      );
    }
  });
});

interface RegressionCase {
  title: string;
  truth: number[];
  predictions: number[];
  weights: number[] | null;
  scores: Record<keyof RegressionScores, Golden>;
  pinball: [number, number][];
  tweedie: [number, number][];
}

describe('weighted regression metrics equal scikit-learn', () => {
  it.each(goldenCases<RegressionCase>('sklearn/regression-metrics.json'))('$title', (golden) => {
    const input = { truth: golden.truth, predictions: golden.predictions, ...weighted(golden.weights) };
    const scores = weightedRegressionScores(input);
    for (const [name, expected] of Object.entries(golden.scores)) {
      expectNumber(scores[name as keyof RegressionScores], expected, name);
    }
    for (const [alpha, loss] of golden.pinball)
      expectNumber(meanPinballLoss(input, alpha), loss, `pinball ${alpha}`);
    for (const [power, loss] of golden.tweedie)
      expectNumber(meanTweedieDeviance(input, power), loss, `tweedie ${power}`);
  });
});

interface MomentsCase {
  title: string;
  values: number[];
  mean: number;
  populationVariance: number;
  sampleVariance: number;
  skewness: number;
  kurtosis: number;
}

describe('streamed moments equal NumPy and SciPy', () => {
  it.each(goldenCases<MomentsCase>('sklearn/moments.json'))('$title', ({ title: _, values, ...expected }) => {
    const all = addMoments(noMoments, values);
    const third = Math.ceil(values.length / 3);
    const parts = [0, 1, 2].map((i) => addMoments(noMoments, values.slice(i * third, (i + 1) * third)));
    const merged = mergeMoments(parts[2]!, mergeMoments(parts[0]!, parts[1]!));
    for (const moments of [all, merged]) {
      const summary = momentsSummary(JSON.parse(JSON.stringify(moments)) as typeof moments);
      for (const [name, value] of Object.entries(expected)) {
        const error = relativeError(summary[name as keyof typeof expected], value, 1);
        // Powers of the distances from 1e4 carry its rounding.
        expect(error, name).toBeLessThanOrEqual(values[0]! > 1000 ? 1e-10 : TOLERANCE);
      }
      expect(summary.count).toBe(values.length);
      expect([summary.min, summary.max]).toEqual([Math.min(...values), Math.max(...values)]);
    }
  });
});
