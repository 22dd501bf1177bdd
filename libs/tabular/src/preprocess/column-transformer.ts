import { columnByName } from '../table/table.js';
import type { Column, ColumnType, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { tableOf } from './cells.js';
import { fitTransformStep, transformStep } from './step.js';
import type { FitContext, FittedStep, StepSpec } from './step.js';

/** Columns by name, or by type and name pattern, in the order of the names or of the table. */
export type ColumnSelection =
  | readonly string[]
  | {
      /** Only these types. Default all. */
      readonly types?: readonly ColumnType[];
      readonly excludeTypes?: readonly ColumnType[];
      /** A regular expression found in the name. */
      readonly pattern?: string;
    };

/** Steps one after the other, or nothing ('passthrough'), or no output ('drop'). */
export type ColumnPipeline = readonly StepSpec[] | 'passthrough' | 'drop';

/** Transformers side by side. As scikit-learn 1.9.1 `ColumnTransformer` with a `Pipeline` of the steps each. */
export interface ColumnTransformerSpec {
  readonly transformers: readonly {
    readonly name: string;
    readonly columns: ColumnSelection;
    readonly steps: ColumnPipeline;
  }[];
  /** What happens to columns in no selection. Default 'drop'. */
  readonly remainder?: ColumnPipeline;
  /** Prefix outputs with `<transformer>__`. Default true; without, a name that occurs twice is an error. */
  readonly verboseFeatureNamesOut?: boolean;
}

/** A fitted ColumnTransformer: plain JSON. */
export interface FittedColumnTransformer {
  readonly kind: 'column_transformer';
  readonly verboseFeatureNamesOut: boolean;
  /** In the order of the outputs; dropped ones left out, the remainder last. */
  readonly transformers: readonly {
    readonly name: string;
    readonly columns: readonly string[];
    readonly steps: readonly FittedStep[];
  }[];
  /** Names of all outputs: scikit-learn's `get_feature_names_out()`. */
  readonly featureNamesOut: readonly string[];
}

/** The names of the columns selected; throws RK_TABULAR_COLUMN_MISSING for a name that does not exist. */
export function selectedColumns(table: Table, selection: ColumnSelection): string[] {
  if (isNames(selection)) return selection.map((name) => columnByName(table, name).name);
  const pattern = selection.pattern === undefined ? undefined : new RegExp(selection.pattern, 'u');
  return table.columns
    .filter(({ name, type }) => {
      if (selection.types !== undefined && !selection.types.includes(type)) return false;
      if (selection.excludeTypes?.includes(type) === true) return false;
      return pattern === undefined || pattern.test(name);
    })
    .map(({ name }) => name);
}

/** Fit on all rows of the table. See fitTransformColumnTransformer. */
export function fitColumnTransformer(
  table: Table,
  spec: ColumnTransformerSpec,
  context: FitContext = {},
): FittedColumnTransformer {
  return fitTransformColumnTransformer(table, spec, context).fitted;
}

/**
 * Fit each transformer on its columns, and give the outputs of the rows fitted on. A column may be in several
 * selections; empty selections give nothing, and so do steps that dropped all their columns (scikit-learn refuses to go on
 * with none). Throws RK_TABULAR_COLUMN_MISSING for a column that does not
 * exist, RK_TABULAR_ARGUMENT_INVALID for transformers of one name (or with `__` in it, or 'remainder') and
 * outputs of one name without prefixes, and what the steps throw.
 */
export function fitTransformColumnTransformer(
  table: Table,
  spec: ColumnTransformerSpec,
  context: FitContext = {},
): { fitted: FittedColumnTransformer; output: Table } {
  checkNames(spec);
  const selections = spec.transformers.map((t) => ({ ...t, names: selectedColumns(table, t.columns) }));
  const taken = new Set(selections.flatMap(({ names }) => names));
  const rest = table.columns.map((column) => column.name).filter((name) => !taken.has(name));
  const branches = [
    ...selections.map(({ name, names, steps }) => ({ name, names, steps })),
    { name: 'remainder', names: rest, steps: spec.remainder ?? 'drop' },
  ];
  const verbose = spec.verboseFeatureNamesOut ?? true;
  const columns: Column[] = [];
  const transformers: { name: string; columns: string[]; steps: FittedStep[] }[] = [];
  for (const { name, names, steps } of branches) {
    if (steps === 'drop' || names.length === 0) continue;
    let part = tableOf(
      table.rows,
      names.map((column) => columnByName(table, column)),
    );
    const fittedSteps: FittedStep[] = [];
    for (const step of steps === 'passthrough' ? [] : steps) {
      const { fitted, output } = fitTransformStep(step, part, context);
      fittedSteps.push(fitted);
      part = output;
    }
    transformers.push({ name, columns: names, steps: fittedSteps });
    columns.push(...named(part, name, verbose));
  }
  const featureNamesOut = columns.map((column) => column.name);
  if (!verbose) checkUnique(featureNamesOut);
  const fitted = {
    kind: 'column_transformer',
    verboseFeatureNamesOut: verbose,
    transformers,
    featureNamesOut,
  } as const;
  return { fitted, output: tableOf(table.rows, columns) };
}

/** Outputs for a table that has the columns fitted on, in any order and among others. */
export function transformColumnTransformer(fitted: FittedColumnTransformer, table: Table): Table {
  const columns = fitted.transformers.flatMap(({ name, columns: names, steps }) => {
    const part = tableOf(
      table.rows,
      names.map((column) => columnByName(table, column)),
    );
    const output = steps.reduce((current, step) => transformStep(step, current), part);
    return named(output, name, fitted.verboseFeatureNamesOut);
  });
  return tableOf(table.rows, columns);
}

function isNames(selection: ColumnSelection): selection is readonly string[] {
  return Array.isArray(selection);
}

function named(table: Table, prefix: string, verbose: boolean): Column[] {
  if (!verbose) return [...table.columns];
  return table.columns.map((column) => ({ ...column, name: `${prefix}__${column.name}` }));
}

function checkNames({ transformers }: ColumnTransformerSpec): void {
  const seen = new Set(['remainder']);
  for (const { name } of transformers) {
    if (seen.has(name) || name.includes('__')) {
      throw new TabularError(
        'RK_TABULAR_ARGUMENT_INVALID',
        `"${name}" cannot name a transformer: names are unique, have no "__" and are not "remainder".`,
        { transformer: name },
      );
    }
    seen.add(name);
  }
}

function checkUnique(names: readonly string[]): void {
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice === undefined) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `Two outputs are named "${twice}"; use verboseFeatureNamesOut to prefix them.`,
    { column: twice },
  );
}
