import { TerminalError } from '@rookery/contracts';
import {
  columnByName,
  deriveSeed,
  encodeLabelSets,
  encodeLabels,
  fitPipeline,
  fitTarget,
  fitTransformer,
  labelSetTarget,
  labelSetsOf,
  splitRows,
} from '@rookery/tabular';
import type {
  FittedPluginStep,
  FittedTransformer,
  LabelMatrix,
  Table,
  TargetEncoder,
} from '@rookery/tabular';

import { encodingTarget } from './encoding-target.js';
import type { RunSettings } from './plan-request.js';
import { rowWeights } from './row-weights.js';

/** What one job trains on. */
export interface PlannedJob {
  readonly fold: number;
  readonly final: boolean;
  readonly train: Uint32Array;
  readonly test: Uint32Array;
  readonly transformer: FittedTransformer;
  readonly target: TargetEncoder;
  /** One a training row; undefined: 1 each. */
  readonly weights: Float32Array | undefined;
}

/** What plug-ins made of the training rows of a job. */
export interface PluginFeatures {
  readonly steps: readonly FittedPluginStep[];
  /** The table with their columns. */
  readonly table: Table;
}

/** The jobs of a run, made one after the other: one for each fold, and the final one on all rows. */
export interface FoldPlan {
  readonly jobs: number;
  /** Training rows of a job. */
  train(number: number): Uint32Array;
  /** Fits what a job needs, by its number from 0; on top of what plug-ins made of its rows, where the request has such. */
  job(number: number, made?: PluginFeatures): PlannedJob;
}

/** All jobs of {@link foldPlan} at once. */
export function planFolds(
  table: Table,
  targetName: string,
  settings: RunSettings,
  seed: number,
): PlannedJob[] {
  const plan = foldPlan(table, targetName, settings, seed);
  return Array.from({ length: plan.jobs }, (_, number) => plan.job(number));
}

/**
 * The plan of a run: a job for each fold, its transformers fitted on that fold's training rows only, and the final one on
 * all rows. The same seed gives the same folds. Throws RK_TABULAR_FOLDS_INVALID, what the steps of the preprocessing throw
 * about their columns, RK_WEIGHTS_INVALID, and RK_DATASET_NO_FEATURES where the training rows of a fold have no value in
 * any feature.
 */
export function foldPlan(table: Table, targetName: string, settings: RunSettings, seed: number): FoldPlan {
  const all = Uint32Array.from({ length: table.rows }, (_, row) => row);
  const encoder = targetEncoders(table, targetName, settings);
  const codes = classCodes(table, encoder(all));
  const folds = splitRows(table, settings.split, codes ?? labelSets(table, encoder(all)), seed);
  const transformerOf = (
    fold: number,
    rows: Uint32Array,
    made: PluginFeatures | undefined,
  ): FittedTransformer => {
    if (settings.preprocessing === undefined)
      return fitTransformer(table, rows, { features: settings.features });
    const steps = made?.steps ?? [];
    const target = encodingTarget(table, encoder(all), rows);
    const fitted = fitPipeline(made?.table ?? table, rows, settings.preprocessing, {
      features: [...settings.usable, ...steps.flatMap(({ outputs }) => outputs)],
      ...(target === undefined ? {} : { target }),
      seed: deriveSeed(seed, 'inner folds', fold),
    });
    return steps.length === 0 ? fitted : { ...fitted, plugins: steps };
  };
  const job = (
    fold: number,
    final: boolean,
    train: Uint32Array,
    test: Uint32Array,
    made: PluginFeatures | undefined,
  ): PlannedJob => {
    const transformer = transformerOf(fold, train, made);
    if (transformer.width === 0) throw nothingToLearnFrom(fold, train.length, settings.features);
    const weights = rowWeights(table, settings, codes, train);
    return { fold, final, train, test, transformer, target: encoder(train), weights };
  };
  return {
    jobs: folds.length + 1,
    train: (number) => folds[number]?.train ?? all,
    job: (number, made) => {
      const fold = folds[number];
      return fold === undefined
        ? job(folds.length, true, all, new Uint32Array(), made)
        : job(number, false, fold.train, fold.test, made);
    },
  };
}

/** The target encoder of some rows: sets of labels and classes are those of the whole table. */
function targetEncoders(
  table: Table,
  name: string,
  { task, labels, labelSets }: RunSettings,
): (rows: Uint32Array) => TargetEncoder {
  if (labelSets !== undefined) {
    const encoder = labelSetTarget(name, labels, labelSets.source, labelSets.threshold);
    return () => encoder;
  }
  const column = columnByName(table, name);
  return (rows) => fitTarget(column, rows, task, task === 'regression' ? {} : { labels });
}

function classCodes(table: Table, encoder: TargetEncoder): Int32Array | undefined {
  if (encoder.task === 'regression' || encoder.task === 'multilabel') return undefined;
  return encodeLabels(encoder, columnByName(table, encoder.column));
}

function labelSets(table: Table, encoder: TargetEncoder): LabelMatrix | undefined {
  if (encoder.task !== 'multilabel') return undefined;
  return { flags: encodeLabelSets(labelSetsOf(encoder), table), labels: encoder.labels.length };
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
