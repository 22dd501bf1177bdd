import type { StepSpec } from '../preprocess/step.js';
import { TabularError } from '../tabular-error.js';

/** Checks one value of a specification; throws naming the field. */
export type Check = (value: unknown, field: string) => void;

/** RK_PREPROCESSING_INVALID with the field's path and the value. */
export function invalidField(field: string, value: unknown, problem: string): TabularError {
  const shown = (JSON.stringify(value) ?? 'undefined').slice(0, 80);
  return new TabularError('RK_PREPROCESSING_INVALID', `${field} ${problem}; it is ${shown}.`, {
    field,
    value: shown,
  });
}

/** A JSON object, or throws. */
export function objectAt(value: unknown, field: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw invalidField(field, value, 'must be an object');
}

/** One of these words. */
export function oneOf(...words: readonly string[]): Check {
  return (value, field) => {
    if (typeof value !== 'string' || !words.includes(value)) {
      throw invalidField(field, value, `must be one of ${words.join(', ')}`);
    }
  };
}

const flag: Check = (value, field) => {
  if (typeof value !== 'boolean') throw invalidField(field, value, 'must be true or false');
};
const number: Check = (value, field) => {
  if (typeof value !== 'number' || !Number.isFinite(value))
    throw invalidField(field, value, 'must be a number');
};
const whole: Check = (value, field) => {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw invalidField(field, value, 'must be a whole number of at least 1');
};
const numberOrNull: Check = (value, field) => {
  if (value !== null) number(value, field);
};
const textOrNumber: Check = (value, field) => {
  if (typeof value !== 'string') number(value, field);
};
const range: Check = (value, field) => {
  if (!Array.isArray(value) || value.length !== 2) throw invalidField(field, value, 'must be two numbers');
  value.forEach((item) => number(item, field));
};
const frequency: Check = (value, field) => {
  const fits = typeof value === 'number' && value > 0 && (value < 1 || Number.isInteger(value));
  if (!fits) throw invalidField(field, value, 'must be a number of rows, or a share below 1');
};
const category: Check = (value, field) => {
  if (value !== null && typeof value !== 'string' && typeof value !== 'number')
    throw invalidField(field, value, 'must be a text, a number or null');
};
const list =
  (item: Check): Check =>
  (value, field) => {
    if (!Array.isArray(value)) throw invalidField(field, value, 'must be a list');
    value.forEach((one, i) => item(one, `${field}[${i}]`));
  };
const either =
  (words: readonly string[], other: Check): Check =>
  (value, field) => {
    if (typeof value !== 'string' || !words.includes(value)) other(value, field);
  };

/** Categories of one column. */
export const categoryList: Check = list(category);

const categories = either(['auto'], list(categoryList));
const infrequent = { minFrequency: frequency, maxCategories: whole };

/** Options of every step, by its kind. */
export const stepOptions: Readonly<Record<StepSpec['kind'], Readonly<Record<string, Check>>>> = {
  simple_imputer: {
    strategy: oneOf('mean', 'median', 'most_frequent', 'constant'),
    fillValue: textOrNumber,
    addIndicator: flag,
    keepEmptyFeatures: flag,
  },
  standard_scaler: { withMean: flag, withStd: flag },
  min_max_scaler: { featureRange: range, clip: flag },
  robust_scaler: { withCentering: flag, withScaling: flag, quantileRange: range, unitVariance: flag },
  quantile_transformer: { nQuantiles: whole, outputDistribution: oneOf('uniform', 'normal') },
  power_transformer: { method: oneOf('yeo-johnson', 'box-cox'), standardize: flag },
  one_hot_encoder: {
    ...infrequent,
    categories,
    drop: (value, field) => {
      if (value !== null) either(['first', 'if_binary'], list(category))(value, field);
    },
    handleUnknown: oneOf('error', 'ignore', 'infrequent_if_exist'),
  },
  ordinal_encoder: {
    ...infrequent,
    categories,
    handleUnknown: oneOf('error', 'use_encoded_value'),
    unknownValue: numberOrNull,
    encodedMissingValue: numberOrNull,
  },
  target_encoder: {
    categories,
    smooth: either(['auto'], (value, field) => {
      number(value, field);
      if ((value as number) < 0) throw invalidField(field, value, 'must be auto or at least 0');
    }),
  },
  category_codes: { ...infrequent, categories },
};

/** Checks of the words of a recipe that stand for a step's options. */
export const recipeOptions: Readonly<Record<string, Check>> = {
  fillValue: textOrNumber,
  addIndicator: flag,
  handleUnknown: oneOf('error', 'ignore', 'infrequent_if_exist'),
  drop: oneOf('first', 'if_binary'),
  categories: categoryList,
  ...infrequent,
};

/** One step with its options; throws for an unknown kind or option and for a value that does not fit. */
export function readStep(value: unknown, field: string): StepSpec {
  const step = objectAt(value, field);
  const kinds = Object.keys(stepOptions);
  oneOf(...kinds)(step['kind'], `${field}.kind`);
  const options = stepOptions[step['kind'] as StepSpec['kind']];
  for (const [name, given] of Object.entries(step)) {
    if (name === 'kind') continue;
    const check = Object.hasOwn(options, name) ? options[name] : undefined;
    if (check === undefined) {
      throw invalidField(
        `${field}.${name}`,
        given,
        `is no option of ${String(step['kind'])}; there are ${Object.keys(options).join(', ')}`,
      );
    }
    check(given, `${field}.${name}`);
  }
  if (step['kind'] === 'ordinal_encoder') {
    const encoded = step['handleUnknown'] === 'use_encoded_value';
    if (encoded !== (step['unknownValue'] !== undefined))
      throw invalidField(
        `${field}.unknownValue`,
        step['unknownValue'],
        'must be given exactly with handleUnknown "use_encoded_value"',
      );
  }
  return step as unknown as StepSpec;
}
