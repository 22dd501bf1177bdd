import {
  groupKFold,
  holdOut,
  kFold,
  stratifiedGroupKFold,
  stratifiedHoldOut,
  stratifiedKFold,
  timeSeriesSplit,
} from '@rookery/tabular';
import type { Fold, Random } from '@rookery/tabular';

import { compareExactly, compareRefusals, outcomeOf } from './check.js';
import type { Check } from './check.js';
import { chance, pick, rowCount } from './draw.js';
import type { Answer } from './oracle.js';

const kinds = ['kfold', 'stratified', 'group', 'stratified_group', 'time_series', 'hold_out'] as const;

/** Folds without a shuffle: the same rows in the same order. */
export function splitCheck(random: Random): Check {
  const rows = rowCount(random);
  const k = pick(random, [1, 2, 3, 5, 10]);
  const split = pick(random, kinds);
  const classes = 1 + random.integer(4);
  const codes = Array.from({ length: rows }, () =>
    Math.min(random.integer(classes), random.integer(classes)),
  );
  const different = 1 + random.integer(chance(random, 0.5) ? 4 : 40);
  const text = chance(random, 0.5);
  const groups = Array.from({ length: rows }, () => {
    const group = random.integer(different);
    return text ? pick(random, ['g', 'é', '😀', '\uE000']) + String(group) : group - 3;
  }) as string[] | number[];
  const gap = pick(random, [0, 0, 1, 3]);
  const sizes = {
    ...(chance(random, 0.3) ? { maxTrainSize: 1 + random.integer(20) } : {}),
    ...(chance(random, 0.3) ? { testSize: 1 + random.integer(5) } : {}),
  };
  const portions = portionsOf(random);
  const ours = outcomeOf((): Fold[] => {
    const plain = { shuffle: false };
    switch (split) {
      case 'kfold':
        return kFold(rows, k, plain);
      case 'stratified':
        return stratifiedKFold(codes, k, plain);
      case 'group':
        return groupKFold(groups, k, plain);
      case 'stratified_group':
        return stratifiedGroupKFold(codes, groups, k, plain);
      case 'time_series':
        return timeSeriesSplit(rows, k, { gap, ...sizes });
      case 'hold_out':
        return [holdOut(rows, { shuffle: false, ...portions })];
    }
  });
  const options = split === 'hold_out' ? portions : { gap, ...sizes };
  return {
    name: `split ${split}`,
    question: { kind: 'split', split, k, rows, codes, groups, ...options },
    compare: (theirs: Answer<unknown>) =>
      compareRefusals(ours, theirs) ??
      compareExactly(
        (ours as { value: Fold[] }).value.map(({ train, test }) => ({
          train: Array.from(train),
          test: Array.from(test),
        })),
        (theirs as { value: unknown }).value,
      ),
  };
}

/** A stratified hold-out: sizes and refusals; which rows are drawn is each library's own. */
export function stratifiedHoldOutCheck(random: Random): Check {
  const rows = rowCount(random);
  const classes = 1 + random.integer(3);
  const codes = Array.from({ length: rows }, () => random.integer(classes));
  const portions = portionsOf(random);
  const ours = outcomeOf(() => stratifiedHoldOut(codes, portions));
  return {
    name: 'split stratified_hold_out',
    question: { kind: 'stratified_sizes', rows, codes, ...portions },
    compare: (theirs: Answer<object>) => {
      const refusal = compareRefusals(ours, theirs);
      if (refusal !== undefined) return refusal;
      const { train, test } = (ours as { value: Fold }).value;
      return compareExactly({ train: train.length, test: test.length }, (theirs as { value: object }).value);
    },
  };
}

function portionsOf(random: Random): { testSize?: number; trainSize?: number } {
  const size = (): number => pick(random, [0.1, 0.25, 0.3, 0.5, 0.75, 0.9, 1, 2, 5, 20]);
  return {
    ...(chance(random, 0.6) ? { testSize: size() } : {}),
    ...(chance(random, 0.4) ? { trainSize: size() } : {}),
  };
}
