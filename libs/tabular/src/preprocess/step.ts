import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { fitCategoryCodes, transformCategoryCodes } from './category-codes.js';
import type { CategoryCodesSpec, FittedCategoryCodes } from './category-codes.js';
import { fitOneHotEncoder, inverseOneHotEncoder, transformOneHotEncoder } from './one-hot-encoder.js';
import type { FittedOneHotEncoder, OneHotEncoderSpec } from './one-hot-encoder.js';
import { fitOrdinalEncoder, inverseOrdinalEncoder, transformOrdinalEncoder } from './ordinal-encoder.js';
import type { FittedOrdinalEncoder, OrdinalEncoderSpec } from './ordinal-encoder.js';
import {
  fitPowerTransformer,
  inversePowerTransformer,
  transformPowerTransformer,
} from './power-transformer.js';
import type { FittedPowerTransformer, PowerTransformerSpec } from './power-transformer.js';
import {
  fitQuantileTransformer,
  inverseQuantileTransformer,
  transformQuantileTransformer,
} from './quantile-transformer.js';
import type { FittedQuantileTransformer, QuantileTransformerSpec } from './quantile-transformer.js';
import {
  fitMinMaxScaler,
  fitRobustScaler,
  fitStandardScaler,
  inverseMinMaxScaler,
  inverseRobustScaler,
  inverseStandardScaler,
  transformMinMaxScaler,
  transformRobustScaler,
  transformStandardScaler,
} from './scalers.js';
import type {
  FittedMinMaxScaler,
  FittedRobustScaler,
  FittedStandardScaler,
  MinMaxScalerSpec,
  RobustScalerSpec,
  StandardScalerSpec,
} from './scalers.js';
import { fitSimpleImputer, inverseSimpleImputer, transformSimpleImputer } from './simple-imputer.js';
import type { FittedSimpleImputer, SimpleImputerSpec } from './simple-imputer.js';
import {
  fitTargetEncoder,
  fitTransformTargetEncoder,
  transformTargetEncoder,
} from './target-mean-encoder.js';
import type {
  EncodingTarget,
  FittedTargetEncoder,
  TargetEncoderSpec,
  TestFolds,
} from './target-mean-encoder.js';

/** One transformer with its options: plain JSON. */
export type StepSpec =
  | SimpleImputerSpec
  | StandardScalerSpec
  | MinMaxScalerSpec
  | RobustScalerSpec
  | QuantileTransformerSpec
  | PowerTransformerSpec
  | OneHotEncoderSpec
  | OrdinalEncoderSpec
  | TargetEncoderSpec
  | CategoryCodesSpec;

/** One fitted transformer: plain JSON. */
export type FittedStep =
  | FittedSimpleImputer
  | FittedStandardScaler
  | FittedMinMaxScaler
  | FittedRobustScaler
  | FittedQuantileTransformer
  | FittedPowerTransformer
  | FittedOneHotEncoder
  | FittedOrdinalEncoder
  | FittedTargetEncoder
  | FittedCategoryCodes;

/** What some transformers need beside the table. */
export interface FitContext {
  /** Of target encoders. */
  readonly target?: EncodingTarget;
  /** Of target encoders, for the outputs of the rows fitted on. */
  readonly folds?: TestFolds;
}

/** Fit one transformer on all columns and rows of the table. Throws what its own fit function throws. */
export function fitStep(spec: StepSpec, table: Table, context: FitContext = {}): FittedStep {
  switch (spec.kind) {
    case 'simple_imputer':
      return fitSimpleImputer(table, spec);
    case 'standard_scaler':
      return fitStandardScaler(table, spec);
    case 'min_max_scaler':
      return fitMinMaxScaler(table, spec);
    case 'robust_scaler':
      return fitRobustScaler(table, spec);
    case 'quantile_transformer':
      return fitQuantileTransformer(table, spec);
    case 'power_transformer':
      return fitPowerTransformer(table, spec);
    case 'one_hot_encoder':
      return fitOneHotEncoder(table, spec);
    case 'ordinal_encoder':
      return fitOrdinalEncoder(table, spec);
    case 'target_encoder':
      return fitTargetEncoder(table, targetOf(context), spec);
    case 'category_codes':
      return fitCategoryCodes(table, spec);
  }
}

/**
 * Fit one transformer and transform the rows it was fitted on, as scikit-learn's `fit_transform`: target
 * encoders cross-fit where the context has folds.
 */
export function fitTransformStep(
  spec: StepSpec,
  table: Table,
  context: FitContext = {},
): { fitted: FittedStep; output: Table } {
  if (spec.kind === 'target_encoder' && context.folds !== undefined) {
    return fitTransformTargetEncoder(table, targetOf(context), context.folds, spec);
  }
  const fitted = fitStep(spec, table, context);
  return { fitted, output: transformStep(fitted, table) };
}

/**
 * Transform a table; columns are found by name and others ignored. Output columns have scikit-learn's feature
 * names.
 */
export function transformStep(fitted: FittedStep, table: Table): Table {
  switch (fitted.kind) {
    case 'simple_imputer':
      return transformSimpleImputer(fitted, table);
    case 'standard_scaler':
      return transformStandardScaler(fitted, table);
    case 'min_max_scaler':
      return transformMinMaxScaler(fitted, table);
    case 'robust_scaler':
      return transformRobustScaler(fitted, table);
    case 'quantile_transformer':
      return transformQuantileTransformer(fitted, table);
    case 'power_transformer':
      return transformPowerTransformer(fitted, table);
    case 'one_hot_encoder':
      return transformOneHotEncoder(fitted, table);
    case 'ordinal_encoder':
      return transformOrdinalEncoder(fitted, table);
    case 'target_encoder':
      return transformTargetEncoder(fitted, table);
    case 'category_codes':
      return transformCategoryCodes(fitted, table);
  }
}

/**
 * Undo a transformer. Throws RK_TABULAR_ARGUMENT_INVALID for those without an inverse: target encoders, category
 * codes, imputers without indicators.
 */
export function inverseStep(fitted: FittedStep, table: Table): Table {
  switch (fitted.kind) {
    case 'simple_imputer':
      return inverseSimpleImputer(fitted, table);
    case 'standard_scaler':
      return inverseStandardScaler(fitted, table);
    case 'min_max_scaler':
      return inverseMinMaxScaler(fitted, table);
    case 'robust_scaler':
      return inverseRobustScaler(fitted, table);
    case 'quantile_transformer':
      return inverseQuantileTransformer(fitted, table);
    case 'power_transformer':
      return inversePowerTransformer(fitted, table);
    case 'one_hot_encoder':
      return inverseOneHotEncoder(fitted, table);
    case 'ordinal_encoder':
      return inverseOrdinalEncoder(fitted, table);
    case 'target_encoder':
      throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', 'A target encoder has no inverse.');
    case 'category_codes':
      throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', 'Category codes have no inverse.');
  }
}

/** The target of a context; throws RK_TABULAR_TARGET_INVALID where it has none. */
export function targetOf(context: FitContext): EncodingTarget {
  if (context.target !== undefined) return context.target;
  throw new TabularError(
    'RK_TABULAR_TARGET_INVALID',
    'A target encoder needs a target; give context.target.',
  );
}
