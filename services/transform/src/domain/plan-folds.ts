import { TerminalError } from '@rookery/contracts';
import {
  columnByName,
  encodeTarget,
  fitTarget,
  fitTransformer,
  kFold,
  stratifiedKFold,
} from '@rookery/tabular';
import type { FittedTransformer, Table, TargetEncoder } from '@rookery/tabular';

import type { RunSettings } from './plan-request.js';

/** What one job trains on. */
export interface PlannedJob {
  readonly fold: number;
  readonly final: boolean;
  readonly train: Uint32Array;
  readonly test: Uint32Array;
  readonly transformer: FittedTransformer;
  readonly target: TargetEncoder;
}

/**
 * The jobs of a run: one for each fold, its transformers fitted on that fold's training rows only, and the final one on
 * all rows. Every row is held out exactly once. The same seed gives the same folds. Throws RK_TABULAR_FOLDS_INVALID, and
 * RK_DATASET_NO_FEATURES where the training rows of a fold have no value in any feature.
 */
export function planFolds(
  table: Table,
  targetName: string,
  settings: RunSettings,
  seed: number,
): PlannedJob[] {
  const target = columnByName(table, targetName);
  const all = Uint32Array.from({ length: table.rows }, (_, row) => row);
  const encoder = (rows: Uint32Array): TargetEncoder =>
    fitTarget(target, rows, settings.task, settings.task === 'regression' ? {} : { labels: settings.labels });
  const folds = settings.stratified
    ? stratifiedKFold(encodeTarget(encoder(all), target) as Int32Array, settings.folds, { seed })
    : kFold(table.rows, settings.folds, { seed, shuffle: true });
  const job = (fold: number, final: boolean, train: Uint32Array, test: Uint32Array): PlannedJob => {
    const transformer = fitTransformer(table, train, { features: settings.features });
    if (transformer.width === 0) throw nothingToLearnFrom(fold, train.length, settings.features);
    return { fold, final, train, test, transformer, target: encoder(train) };
  };
  return [
    ...folds.map(({ train, test }, fold) => job(fold, false, train, test)),
    job(settings.folds, true, all, new Uint32Array()),
  ];
}

function nothingToLearnFrom(fold: number, rows: number, features: readonly string[]): TerminalError {
  const names = features.join(', ');
  return new TerminalError(
    'RK_DATASET_NO_FEATURES',
    `The ${rows} training rows of fold ${fold} have no value in any of the features ${names}`,
    {
      details: { fold: String(fold), features: names },
      hint: 'Use fewer folds, or fill the columns that are named.',
    },
  );
}
