import type { StepSpec } from '../preprocess/step.js';
import type { ColumnType } from '../table/table.js';
import { invalidField, objectAt, readStep, recipeOptions } from './step-options.js';

/** The short form of a column's steps: words, or steps with all their options. */
export interface Recipe {
  readonly imputer?: string | StepSpec;
  readonly fillValue?: number | string;
  readonly addIndicator?: boolean;
  readonly encoder?: string | StepSpec;
  readonly handleUnknown?: 'error' | 'ignore' | 'infrequent_if_exist';
  readonly drop?: 'first' | 'if_binary';
  readonly minFrequency?: number;
  readonly maxCategories?: number;
  readonly categories?: readonly (string | number | null)[];
  readonly scaler?: string | StepSpec;
}

/** What happens to a column: a recipe, steps in full, nothing, or no output. */
export type ColumnPlan = Recipe | readonly StepSpec[] | 'passthrough' | 'drop';

const imputers: Readonly<Record<string, StepSpec | null>> = {
  none: null,
  mean: { kind: 'simple_imputer', strategy: 'mean' },
  median: { kind: 'simple_imputer', strategy: 'median' },
  most_frequent: { kind: 'simple_imputer', strategy: 'most_frequent' },
  constant: { kind: 'simple_imputer', strategy: 'constant' },
};

const scalers: Readonly<Record<string, StepSpec | null>> = {
  none: null,
  standard: { kind: 'standard_scaler' },
  min_max: { kind: 'min_max_scaler' },
  robust: { kind: 'robust_scaler' },
  quantile: { kind: 'quantile_transformer' },
  quantile_normal: { kind: 'quantile_transformer', outputDistribution: 'normal' },
  yeo_johnson: { kind: 'power_transformer' },
  box_cox: { kind: 'power_transformer', method: 'box-cox' },
};

const encoders: Readonly<Record<string, StepSpec | null>> = {
  none: null,
  one_hot: { kind: 'one_hot_encoder', handleUnknown: 'ignore' },
  ordinal: { kind: 'ordinal_encoder', handleUnknown: 'use_encoded_value', unknownValue: -1 },
  target: { kind: 'target_encoder' },
  codes: { kind: 'category_codes' },
};

const words = { imputer: imputers, encoder: encoders, scaler: scalers } as const;

/** Reads a plan; throws RK_PREPROCESSING_INVALID naming the field. */
export function readPlan(value: unknown, field: string): ColumnPlan {
  if (value === 'passthrough' || value === 'drop') return value;
  if (Array.isArray(value)) return value.map((step, i) => readStep(step, `${field}[${i}]`));
  if (typeof value === 'string')
    throw invalidField(field, value, 'must be passthrough, drop, steps or a recipe');
  const recipe = objectAt(value, field);
  for (const [name, given] of Object.entries(recipe)) {
    const at = `${field}.${name}`;
    if (name === 'imputer' || name === 'encoder' || name === 'scaler') {
      if (typeof given !== 'string') readStep(given, at);
      else if (!Object.hasOwn(words[name], given))
        throw invalidField(at, given, `must be one of ${Object.keys(words[name]).join(', ')}, or a step`);
      continue;
    }
    const check = Object.hasOwn(recipeOptions, name) ? recipeOptions[name] : undefined;
    if (check === undefined) {
      const known = [...Object.keys(words), ...Object.keys(recipeOptions)].join(', ');
      throw invalidField(at, given, `is unknown; there are ${known}`);
    }
    check(given, at);
  }
  return recipe;
}

/**
 * The steps of a recipe for a column of this type. What it leaves out is as without any recipe: numbers get the mean and
 * are standardised, categories get the most frequent one and one output each (unknown ones none); codes need no imputer.
 * Columns without any value are kept.
 */
export function recipeSteps(recipe: Recipe, type: ColumnType): StepSpec[] {
  const encoderWord = recipe.encoder ?? (type === 'numeric' ? 'none' : 'one_hot');
  const encoder = withOptions(stepOf(encoders, encoderWord), recipe);
  const plainNumber = type === 'numeric' && encoder === null;
  const imputerWord =
    recipe.imputer ??
    (recipe.fillValue !== undefined
      ? 'constant'
      : plainNumber
        ? 'mean'
        : encoder?.kind === 'category_codes'
          ? 'none'
          : 'most_frequent');
  const imputer = stepOf(imputers, imputerWord);
  const scaler = stepOf(scalers, recipe.scaler ?? (plainNumber ? 'standard' : 'none'));
  const filling =
    imputer?.kind === 'simple_imputer'
      ? {
          keepEmptyFeatures: true,
          ...imputer,
          ...(recipe.fillValue === undefined ? {} : { fillValue: recipe.fillValue }),
          ...(recipe.addIndicator === undefined ? {} : { addIndicator: recipe.addIndicator }),
        }
      : imputer;
  return [filling, encoder, scaler].filter((step): step is StepSpec => step !== null);
}

function stepOf(table: Readonly<Record<string, StepSpec | null>>, word: string | StepSpec): StepSpec | null {
  return typeof word === 'string' ? (table[word] ?? null) : word;
}

function withOptions(encoder: StepSpec | null, recipe: Recipe): StepSpec | null {
  if (encoder === null) return null;
  const { handleUnknown, drop, minFrequency, maxCategories, categories } = recipe;
  const common = {
    ...(minFrequency === undefined ? {} : { minFrequency }),
    ...(maxCategories === undefined ? {} : { maxCategories }),
    ...(categories === undefined ? {} : { categories: [categories] }),
  };
  switch (encoder.kind) {
    case 'one_hot_encoder':
      return {
        ...encoder,
        ...common,
        ...(handleUnknown === undefined ? {} : { handleUnknown }),
        ...(drop === undefined ? {} : { drop }),
      };
    case 'ordinal_encoder': {
      const merged = { ...encoder, ...common };
      if (handleUnknown !== 'error') return merged;
      const { unknownValue: _, ...rest } = merged;
      return { ...rest, handleUnknown: 'error' };
    }
    case 'category_codes':
      return { ...encoder, ...common };
    case 'target_encoder':
      return { ...encoder, ...(categories === undefined ? {} : { categories: [categories] }) };
    default:
      return encoder;
  }
}
