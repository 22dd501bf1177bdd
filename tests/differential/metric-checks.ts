import {
  calibrationBins,
  evaluateClassification,
  evaluateMultilabel,
  evaluateRegression,
} from '@rookery/tabular';
import type { Random } from '@rookery/tabular';

import { compareNumbers, compareRefusals, outcomeOf, TOLERANCE } from './check.js';
import type { Check, Outcome, Verdict } from './check.js';
import { chance, mildNumbers, numbers, pick, rowCount, rowWeights } from './draw.js';
import type { Answer } from './oracle.js';
import { overflowingSquares, rules } from './rules.js';

type Scores = Readonly<Record<string, number>>;

/** Classes with probabilities: ties, certainty, and classes without a row among them. */
export function classificationCheck(random: Random): Check {
  const rows = rowCount(random);
  const k = 2 + random.integer(4);
  const occurring = chance(random, 0.7) ? k : 1 + random.integer(k);
  const truth = Array.from({ length: rows }, () => random.integer(occurring));
  const draw = pick<() => number>(random, [
    () => random.uniform(),
    () => 1 + random.integer(3),
    () => Math.exp(random.normal(0, 8)),
    () => Math.fround(random.uniform()),
    () => (random.integer(3) === 0 ? 1 : 1e-17),
  ]);
  const probabilities = truth.flatMap(() => shares(Array.from({ length: k }, draw)));
  const weights = chance(random, 0.5) ? { weights: rowWeights(random, rows) } : {};
  const labels = Array.from({ length: k }, (_, i) => `c${i}`);
  const ours = outcomeOf(() => evaluateClassification({ labels, truth, probabilities, ...weights }).metrics);
  return scoresCheck(
    weights.weights === undefined ? 'classification' : 'classification, weighted',
    { kind: 'classification', truth, probabilities, ...weights },
    ours,
    {
      size: (name, score) => {
        // A probability near 1 is rounded to ε, and so is its loss.
        if (name === 'log_loss') return 1e-3;
        // scikit-learn squares 1 − (1 − p) in place of p.
        if (name === 'brier') return 1e-3 * Math.sqrt(score);
        return name === 'mcc' || name === 'cohen_kappa' || name === 'ece'
          ? agreementSize(weights.weights)
          : 0;
      },
      ruled: (all) => rules.noWeight(weights.weights, all),
    },
  );
}

/** Sets of labels with probabilities. */
export function multilabelCheck(random: Random): Check {
  const rows = rowCount(random);
  const width = 2 + random.integer(4);
  const often = Array.from({ length: width }, () => pick(random, [0, 0.1, 0.5, 0.9, 1]));
  const truth = Array.from({ length: rows * width }, (_, at) => Number(chance(random, often[at % width]!)));
  const draw = pick<() => number>(random, [
    () => random.uniform(),
    () => random.integer(5) / 4,
    () => Math.fround(random.uniform()),
  ]);
  const probabilities = truth.map(draw);
  const threshold = pick(random, [0.5, 0.25, 0.9]);
  const weights = chance(random, 0.5) ? { weights: rowWeights(random, rows) } : {};
  const labels = Array.from({ length: width }, (_, i) => `l${i}`);
  const ours = outcomeOf(
    () => evaluateMultilabel({ labels, truth, probabilities, threshold, ...weights }).metrics,
  );
  return scoresCheck(
    weights.weights === undefined ? 'multilabel' : 'multilabel, weighted',
    { kind: 'multilabel', labels: width, truth, probabilities, threshold, ...weights },
    ours,
    { ruled: (all) => rules.noWeight(weights.weights, all) },
  );
}

/** Numbers and predictions of them. */
export function regressionCheck(random: Random): Check {
  const rows = rowCount(random);
  const truth = chance(random, 0.6) ? numbers(random, rows) : mildNumbers(random, rows);
  const spread = Math.max(...truth.map(Math.abs)) * pick(random, [0, 1e-9, 0.1, 1]);
  const predictions = chance(random, 0.2)
    ? numbers(random, rows)
    : truth.map((y) => y + random.normal() * spread);
  const weights = chance(random, 0.5) ? { weights: rowWeights(random, rows) } : {};
  const counts = (_: number, i: number): boolean => weights.weights === undefined || weights.weights[i]! > 0;
  const ours = outcomeOf(() => evaluateRegression({ truth, predictions, ...weights }).metrics);
  const counted = {
    truth: truth.filter(counts),
    predictions: predictions.filter(counts),
    ...(weights.weights && { weights: weights.weights.filter((weight) => weight > 0) }),
  };
  const weightless = truth.filter(
    (y, i) => !counts(y, i) && Math.abs(y - predictions[i]!) > overflowingSquares,
  );
  return scoresCheck(
    weights.weights === undefined ? 'regression' : 'regression, weighted',
    { kind: 'regression', truth, predictions, ...weights },
    ours,
    {
      // Squares of the smallest numbers are denormal: few digits are left of them.
      size: (name, score) =>
        name === 'r2' || name === 'explained_variance'
          ? explainedSize(truth, predictions, score, weights.weights)
          : 1e-300,
      except: (name, score) =>
        rules.constantTruth(counted.truth, name, score) ??
        rules.constantError(counted.truth, counted.predictions, name, score) ??
        (weightless.length > 0
          ? rules.weightless(score, evaluateRegression(counted).metrics[name])
          : undefined),
    },
  );
}

/** Bins of calibration. */
export function calibrationCheck(random: Random): Check {
  const rows = rowCount(random);
  const draw = pick<() => number>(random, [
    () => random.uniform(),
    () => random.integer(11) / 10,
    () => random.integer(3) / 2,
    () => 0.1 * random.integer(10),
  ]);
  const probabilities = Array.from({ length: rows }, draw);
  const positive = probabilities.map((p) => Number(chance(random, p)));
  const bins = pick(random, [1, 2, 5, 10, 17]);
  const strategy = pick(random, ['uniform', 'quantile'] as const);
  const ours = outcomeOf(() => {
    const all = calibrationBins({ positive, probabilities }, { bins, strategy });
    return flat({
      observed: all.map((bin) => bin.meanObserved),
      predicted: all.map((bin) => bin.meanPredicted),
    });
  });
  return {
    name: `calibration ${strategy}`,
    question: { kind: 'calibration_bins', positive, probabilities, bins, strategy },
    compare: (theirs: Answer<Record<string, number[]>>) =>
      compareRefusals(ours, theirs) ??
      compareNumbers(
        (ours as { value: Scores }).value,
        flat((theirs as { value: Record<string, number[]> }).value),
      ),
  };
}

/** How the scores of a case are compared. */
interface Comparing {
  /** Of what size the numbers are that a metric (and our value of it) is computed from. */
  readonly size?: (metric: string, ours: number) => number;
  /** The verdict where a rule holds for the whole case. */
  readonly ruled?: (ours: Outcome<Scores>) => Verdict | undefined;
  /** The rule that a metric follows in place of agreement. */
  readonly except?: (metric: string, ours: number | undefined) => string | undefined;
}

function flat(lists: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(lists).flatMap(([name, values]) => [
      [`${name}.length`, values.length] as const,
      ...values.map((value, i) => [`${name}.${i}`, value] as const),
    ]),
  );
}

function scoresCheck(
  name: string,
  question: object,
  ours: Outcome<Scores>,
  { size = () => 0, ruled = () => undefined, except = () => undefined }: Comparing,
): Check {
  return {
    name,
    question,
    compare: (theirs: Answer<Scores>): Verdict => {
      const verdict = ruled(ours) ?? compareRefusals(ours, theirs);
      if (verdict !== undefined) return verdict;
      const { value: own } = ours as { value: Scores };
      const kept: Record<string, number> = {};
      const names = new Set<string>();
      for (const [metric, wanted] of Object.entries((theirs as { value: Scores }).value)) {
        const rule = except(metric, own[metric]);
        if (rule === undefined) kept[metric] = wanted;
        else names.add(rule);
      }
      return {
        ...compareNumbers(own, kept, (metric) => size(metric, own[metric] ?? NaN)),
        rules: [...names],
      };
    },
  };
}

/** Agreement beyond chance is a difference of products of all weight: rounding shows by the smallest weight's share. */
function agreementSize(weights: readonly number[] | undefined): number {
  if (weights === undefined) return 1;
  const total = weights.reduce((a, b) => a + b, 0);
  return Math.max(1, (1e-2 * total) / Math.min(...weights.filter((weight) => weight > 0)));
}

/**
 * 1 − r² is a ratio of two variances, each about a mean that is rounded to ε of the largest number: that error, squared, is
 * part of the variance in both libraries.
 */
function explainedSize(
  truth: readonly number[],
  predictions: readonly number[],
  score: number,
  weights: readonly number[] = truth.map(() => 1),
): number {
  const errors = truth.map((y, i) => y - predictions[i]!);
  const total = weights.reduce((a, b) => a + b, 0);
  const rounding = [truth, errors].map((values) => {
    const largest = Math.max(...values.map(Math.abs));
    const mean = values.reduce((sum, value, i) => sum + weights[i]! * value, 0) / total;
    const variance = values.reduce((sum, value, i) => sum + weights[i]! * (value - mean) ** 2, 0) / total;
    const denormal = values.length * Number.MIN_VALUE;
    return ((values.length * Number.EPSILON * largest) ** 2 + denormal) / variance;
  });
  const relative = rounding.reduce((a, b) => a + (Number.isNaN(b) ? 0 : b), 0);
  return Math.abs(1 - score) * Math.max(1, relative / TOLERANCE);
}

function shares(sizes: readonly number[]): number[] {
  const sum = sizes.reduce((a, b) => a + b, 0);
  return sizes.map((size) => size / sum);
}
