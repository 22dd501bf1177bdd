import type { FittedPipeline, FittedPluginStep } from './fitted-pipeline.js';

/** Which columns become features and how. */
export interface TransformerSpec {
  /** Columns, in any order: numeric ones come first in the output, each group in the order given here. */
  readonly features: readonly string[];
  /** Fills missing numbers. Default 'mean'. */
  readonly numericImputer?: 'mean' | 'median';
  /** Default 'standard': subtract the mean, divide by the population standard deviation. */
  readonly scaler?: 'standard' | 'none';
  /** Fills missing categories; a tie goes to the smallest category. Default (and only) 'most_frequent'. */
  readonly categoricalImputer?: 'most_frequent';
}

/** Fitted numbers of one numeric column: output = (value, or fill where missing, − mean) / scale. */
export interface FittedNumeric {
  readonly column: string;
  /** Replaces a missing cell; 0 where the column had no value at all. */
  readonly fill: number;
  /** Mean of the imputed values; 0 without scaling. */
  readonly mean: number;
  /** Population standard deviation of the imputed values; 1 where that is zero, and without scaling. */
  readonly scale: number;
}

/** Fitted categories of one categorical or boolean column: one output each, 1 for the row's category. */
export interface FittedCategorical {
  readonly column: string;
  readonly type: 'categorical' | 'boolean';
  /** Replaces a missing cell; null where the column had no value at all (then it has no outputs). */
  readonly fill: string | null;
  /** Sorted by code point. Any other category gives all zeros. */
  readonly categories: readonly string[];
}

/** The transformer of a request without `preprocessing`: plain JSON. */
export interface FittedStandardTransformer {
  readonly version: 1;
  readonly numericImputer: 'mean' | 'median';
  readonly scaler: 'standard' | 'none';
  readonly numeric: readonly FittedNumeric[];
  readonly categorical: readonly FittedCategorical[];
  /** One name an output: the column for numbers, `column_category` for categories. */
  readonly featureNames: readonly string[];
  /** Number of outputs a row. */
  readonly width: number;
}

/** A fitted transformer: plain JSON, the one featuriser of training, evaluation and serving. */
export type FittedTransformer = FittedStandardTransformer | FittedPipeline;

/** Steps of plug-ins that a transformer needs before it; most have none. */
export function pluginStepsOf(fitted: FittedTransformer): readonly FittedPluginStep[] {
  return (fitted.version === 2 ? fitted.plugins : undefined) ?? [];
}

/** Raw columns that a row must have: the inputs of the transformer and of its plug-ins, without the numbers that those make. */
export function rawColumns(fitted: FittedTransformer): string[] {
  const steps = pluginStepsOf(fitted);
  const made = new Set(steps.flatMap(({ outputs }) => outputs));
  const read = [...inputColumns(fitted), ...steps.flatMap(({ columns }) => columns.map(({ name }) => name))];
  return [...new Set(read.filter((name) => !made.has(name)))];
}

/** Input columns of a transformer, in the order in which a row reader is asked for them. */
export function inputColumns(fitted: FittedTransformer): string[] {
  if (fitted.version === 2) return fitted.inputs.map(({ name }) => name);
  return [...fitted.numeric.map((n) => n.column), ...fitted.categorical.map((c) => c.column)];
}
