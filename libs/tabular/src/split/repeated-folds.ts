import { TabularError } from '../tabular-error.js';
import { kFold, stratifiedKFold } from './folds.js';
import type { Fold } from './folds.js';
import { labelSetKFold } from './label-set-folds.js';
import type { LabelMatrix } from './label-set-folds.js';
import { deriveSeed } from './random.js';

export interface RepeatOptions {
  /** Repetitions. Default 10. */
  readonly repeats?: number;
  /** Default 0; each repetition has its own seed derived from it. */
  readonly seed?: number;
  /** Row numbers that the positions stand for, ascending. Default 0 … n − 1. */
  readonly rows?: ArrayLike<number>;
}

/**
 * `repeats` times k shuffled folds, one repetition after the other; as scikit-learn's `RepeatedKFold` but for
 * the random numbers. Throws as kFold.
 */
export function repeatedKFold(n: number, k: number, options: RepeatOptions = {}): Fold[] {
  return repeated(options, (seed) => kFold(n, k, { ...rowsOf(options), seed }));
}

/**
 * `repeats` times k shuffled stratified folds; as scikit-learn's `RepeatedStratifiedKFold` but for the random
 * numbers. Throws as stratifiedKFold.
 */
export function repeatedStratifiedKFold(
  codes: Int32Array | readonly number[],
  k: number,
  options: RepeatOptions = {},
): Fold[] {
  return repeated(options, (seed) => stratifiedKFold(codes, k, { ...rowsOf(options), seed }));
}

/** `repeats` times k folds that spread labels evenly. Throws as labelSetKFold. */
export function repeatedLabelSetKFold(sets: LabelMatrix, k: number, options: RepeatOptions = {}): Fold[] {
  return repeated(options, (seed) => labelSetKFold(sets, k, { ...rowsOf(options), seed }));
}

function repeated(options: RepeatOptions, folds: (seed: number) => Fold[]): Fold[] {
  const repeats = options.repeats ?? 10;
  if (!Number.isInteger(repeats) || repeats < 1) {
    throw new TabularError(
      'RK_TABULAR_FOLDS_INVALID',
      `Folds need at least 1 repetition; ${repeats} were asked for.`,
    );
  }
  return Array.from({ length: repeats }, (_, i) => folds(deriveSeed(options.seed ?? 0, 'repeat', i))).flat();
}

function rowsOf({ rows }: RepeatOptions): { rows?: ArrayLike<number> } {
  return rows === undefined ? {} : { rows };
}
