import { selectedColumns } from '../preprocess/column-transformer.js';
import type { StepSpec } from '../preprocess/step.js';
import type { Column, ColumnType, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import type { PreprocessingSpec, ShortPreprocessing } from './preprocessing-spec.js';
import { recipeSteps } from './recipe.js';
import type { ColumnPlan } from './recipe.js';
import { invalidField } from './step-options.js';

/** Columns that go through the same steps. */
export interface PlannedBranch {
  readonly name: string;
  readonly columns: readonly string[];
  readonly steps: readonly StepSpec[];
  /** Field of the specification that it comes from, for messages. */
  readonly field: string;
}

/**
 * The branches of a specification for these features, those that give nothing left out. Throws RK_PREPROCESSING_INVALID,
 * naming field and column, for a column that does not exist or is no feature, and for steps that its type does not suit;
 * and where nothing is left, unless that is allowed.
 */
export function planBranches(
  spec: PreprocessingSpec,
  table: Pick<Table, 'columns'>,
  features: readonly string[],
  allowed: { readonly none?: boolean } = {},
): PlannedBranch[] {
  const usable = new Set(features);
  const columns = table.columns.filter(({ name }) => usable.has(name));
  const check = (name: string, field: string): void => {
    if (usable.has(name)) return;
    const known = features.slice(0, 50).join(', ');
    throw invalidField(field, name, `names a column that is no feature; the features are ${known}`);
  };
  const planned =
    spec.form === 'short' ? shortBranches(spec, columns, check) : fullBranches(spec, columns, check);
  const branches = planned.filter((branch) => branch.columns.length > 0);
  const types = new Map(columns.map(({ name, type }) => [name, type]));
  for (const { columns: names, steps, field } of branches) {
    for (const name of names) checkSteps(steps, types.get(name)!, name, field);
  }
  if (branches.length === 0 && allowed.none !== true)
    throw invalidField('preprocessing', null, 'drops every column; keep one');
  return branches;
}

/** Names of the columns that the branches read, in the order of the table. */
export function branchInputs(branches: readonly PlannedBranch[], features: readonly string[]): string[] {
  const read = new Set(branches.flatMap(({ columns }) => columns));
  return features.filter((name) => read.has(name));
}

/** Throws RK_PREPROCESSING_INVALID, naming the field, where a branch encodes by the target and the target is sets of labels. */
export function refuseTargetEncoders(branches: readonly PlannedBranch[]): void {
  const branch = branches.find(({ steps }) => steps.some(({ kind }) => kind === 'target_encoder'));
  if (branch === undefined) return;
  throw invalidField(
    branch.field,
    'target_encoder',
    'encodes by one class or number a row; a multi-label target has sets of labels',
  );
}

type CheckName = (name: string, field: string) => void;

function shortBranches(
  spec: ShortPreprocessing,
  columns: readonly Column[],
  check: CheckName,
): PlannedBranch[] {
  for (const name of Object.keys(spec.columns)) check(name, `preprocessing.columns.${name}`);
  const named = (name: string): ColumnPlan | undefined =>
    Object.hasOwn(spec.columns, name) ? spec.columns[name] : undefined;
  const ofType = (type: ColumnType): Column[] =>
    columns.filter((column) => column.type === type && named(column.name) === undefined);
  const branch = (name: string, group: readonly Column[], plan: ColumnPlan): PlannedBranch[] => {
    const field = `preprocessing.${name}`;
    const steps = group[0] === undefined ? null : stepsOf(plan, group[0].type);
    return steps === null ? [] : [{ name, columns: group.map((column) => column.name), steps, field }];
  };
  const booleans = spec.boolean ?? spec.categorical;
  return [
    ...branch('numeric', ofType('numeric'), spec.numeric),
    ...branch('categorical', ofType('categorical'), spec.categorical),
    ...branch('boolean', ofType('boolean'), booleans),
    ...columns.flatMap((column) => {
      const plan = named(column.name);
      return plan === undefined ? [] : branch(`columns.${column.name}`, [column], plan);
    }),
  ];
}

function stepsOf(plan: ColumnPlan, type: ColumnType): readonly StepSpec[] | null {
  if (plan === 'drop') return null;
  if (plan === 'passthrough') return [];
  return isSteps(plan) ? plan : recipeSteps(plan, type);
}

function isSteps(plan: ColumnPlan): plan is readonly StepSpec[] {
  return Array.isArray(plan);
}

function fullBranches(
  spec: Extract<PreprocessingSpec, { form: 'full' }>,
  columns: readonly Column[],
  check: CheckName,
): PlannedBranch[] {
  const table = { rows: 0, columns };
  const taken = new Set<string>();
  const branches = spec.transformers.map(({ name, columns: selection, steps }, i) => {
    const field = `preprocessing.transformers[${i}]`;
    if (Array.isArray(selection))
      (selection as string[]).forEach((column, j) => check(column, `${field}.columns[${j}]`));
    const names = selectedColumns(table, selection);
    for (const column of names) taken.add(column);
    return { name, columns: names, steps, field: `${field}.steps` };
  });
  const rest = columns.map(({ name }) => name).filter((name) => !taken.has(name));
  return [
    ...branches,
    { name: 'remainder', columns: rest, steps: spec.remainder, field: 'preprocessing.remainder' },
  ].flatMap(({ steps, ...branch }) =>
    steps === 'drop' ? [] : [{ ...branch, steps: steps === 'passthrough' ? [] : steps }],
  );
}

/** Throws where a step can't take what the column is at that point, or where it ends as something that is no number. */
function checkSteps(steps: readonly StepSpec[], type: ColumnType, column: string, field: string): void {
  const refuse = (problem: string): TabularError =>
    new TabularError('RK_PREPROCESSING_INVALID', `${field}: column "${column}" is ${type}, and ${problem}.`, {
      field,
      column,
      value: type,
    });
  let kind: 'numeric' | 'categorical' | 'boolean' = type === 'text' ? 'categorical' : type;
  for (const step of steps) {
    switch (step.kind) {
      case 'simple_imputer': {
        const { strategy = 'mean', fillValue } = step;
        const averages = strategy === 'mean' || strategy === 'median';
        if (averages && kind === 'categorical')
          throw refuse(`the ${strategy} takes numbers; impute most_frequent or constant`);
        if (strategy === 'constant' && fillValue !== undefined) {
          if ((kind === 'numeric') !== (typeof fillValue === 'number'))
            throw refuse(`${JSON.stringify(fillValue)} is no value of it`);
        }
        if (averages) kind = 'numeric';
        break;
      }
      case 'one_hot_encoder':
      case 'ordinal_encoder':
      case 'target_encoder':
      case 'category_codes':
        kind = 'numeric';
        break;
      default:
        if (kind === 'categorical') throw refuse(`${step.kind} takes numbers; encode it first`);
        kind = 'numeric';
    }
  }
  if (kind === 'categorical') throw refuse('no step makes numbers of it; give it an encoder, or drop it');
}
