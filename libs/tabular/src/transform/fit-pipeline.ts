import { tableOf } from '../preprocess/cells.js';
import { fitStep, targetOf, transformStep } from '../preprocess/step.js';
import type { FitContext, FittedStep } from '../preprocess/step.js';
import { crossFitTargetEncoder, fitTransformTargetEncoder } from '../preprocess/target-mean-encoder.js';
import type { EncodingTarget } from '../preprocess/target-mean-encoder.js';
import { kFold } from '../split/folds.js';
import { columnByName, selectColumnRows } from '../table/table.js';
import type { Column, RowIndices, Table } from '../table/table.js';
import { compilePipeline } from './compile-pipeline.js';
import type { CrossFit, FittedBranch, FittedPipeline, PipelineInput } from './fitted-pipeline.js';
import { branchInputs, planBranches } from './plan-branches.js';
import type { PreprocessingSpec } from './preprocessing-spec.js';

/** What a pipeline is fitted with. */
export interface FitPipelineOptions {
  /** Columns that may be read. */
  readonly features: readonly string[];
  /** Of target encoders, one value a fitted row; they throw without. */
  readonly target?: EncodingTarget;
  /** Of the inner folds of target encoders. Default 0. */
  readonly seed?: number;
}

/** Inner folds of a target encoder, as scikit-learn's default. */
const INNER_FOLDS = 5;

/**
 * Fits the steps of a specification on these rows only: each branch as a scikit-learn Pipeline, side by side as a
 * ColumnTransformer. ±Infinity is missing. The result is plain JSON. Throws RK_PREPROCESSING_INVALID (see planBranches)
 * and what the steps throw about their columns.
 */
export function fitPipeline(
  table: Table,
  rows: RowIndices,
  spec: PreprocessingSpec,
  options: FitPipelineOptions,
): FittedPipeline {
  const planned = planBranches(spec, table, options.features);
  const inputs = branchInputs(planned, options.features).map((name): PipelineInput => {
    const { type } = columnByName(table, name);
    return { name, type: type === 'text' ? 'categorical' : type };
  });
  const seed = options.seed ?? 0;
  const innerFolds = Math.min(INNER_FOLDS, rows.length);
  const context: FitContext = {
    ...(options.target === undefined ? {} : { target: options.target }),
    // One row alone has no other to be encoded by, and no other step looks at these folds.
    ...(innerFolds < 2 || !planned.some(({ steps }) => steps.some(({ kind }) => kind === 'target_encoder'))
      ? {}
      : { folds: kFold(rows.length, innerFolds, { seed }) }),
  };
  const encoders: CrossFit['encoders'][number][] = [];
  const branches = planned.map(({ name, columns, steps }, branch): FittedBranch => {
    let part = tableOf(
      rows.length,
      columns.map((column) => finite(selectColumnRows(columnByName(table, column), rows))),
    );
    const fittedSteps = steps.map((step, at): FittedStep => {
      const last = at === steps.length - 1;
      if (step.kind === 'target_encoder' && context.folds !== undefined) {
        const { fitted, parts } = crossFitTargetEncoder(part, targetOf(context), context.folds, step);
        encoders.push({ branch, step: at, parts });
        if (!last) part = fitTransformTargetEncoder(part, targetOf(context), context.folds, step).output;
        return fitted;
      }
      const fitted = fitStep(step, part, context);
      if (!last) part = transformStep(fitted, part);
      return fitted;
    });
    return { name, columns, steps: fittedSteps };
  });
  const { featureNames, width, codes } = compilePipeline({ inputs, branches });
  const verbose = spec.form === 'full' && spec.verboseFeatureNamesOut;
  const fitted: FittedPipeline = {
    version: 2,
    inputs,
    branches,
    featureNames: verbose ? prefixed(branches, inputs) : featureNames,
    width,
    codes,
    ...(encoders.length === 0 ? {} : { crossFit: { seed, folds: innerFolds, encoders } }),
  };
  // As a restored one: JSON has no negative zero, so neither has what is used from now on.
  return JSON.parse(JSON.stringify(fitted)) as FittedPipeline;
}

/** The pipeline as it is served: without what only the training rows need. */
export function servedPipeline(fitted: FittedPipeline): FittedPipeline {
  const { crossFit: _, ...served } = fitted;
  return served;
}

function prefixed(branches: readonly FittedBranch[], inputs: readonly PipelineInput[]): string[] {
  return branches.flatMap((branch) =>
    compilePipeline({ inputs, branches: [branch] }).featureNames.map((name) => `${branch.name}__${name}`),
  );
}

/** What is not finite is missing, in fitting as in serving. */
function finite(column: Column): Column {
  if (column.type !== 'numeric') return column;
  const { values } = column;
  if (!hasInfinite(values)) return column;
  return { ...column, values: values.map((value) => (Number.isFinite(value) ? value : NaN)) };
}

function hasInfinite(values: Float64Array): boolean {
  for (let i = 0; i < values.length; i++) if (values[i] === Infinity || values[i] === -Infinity) return true;
  return false;
}
