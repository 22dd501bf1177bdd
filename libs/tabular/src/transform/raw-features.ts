import type { Table } from '../table/table.js';
import { branchInputs, planBranches } from './plan-branches.js';
import type { PlannedBranch } from './plan-branches.js';
import type { PluginStepSpec, PreprocessingSpec } from './preprocessing-spec.js';
import { invalidField } from './step-options.js';

/** Columns of the table that a specification reads, and those of them that the branches read as they are. */
export interface RawFeatures {
  readonly read: readonly string[];
  /** Usable columns that are no input of a plug-in, or kept beside. */
  readonly plain: readonly string[];
  /** What becomes of the columns that the branches read as they are. */
  readonly branches: readonly PlannedBranch[];
}

/**
 * The raw columns of a specification whose plug-ins are not fitted yet: what names their numbers is checked when those are known.
 * Throws RK_PREPROCESSING_INVALID for a column that is none, and what planBranches throws.
 */
export function rawFeatures(
  spec: PreprocessingSpec,
  table: Pick<Table, 'columns'>,
  usable: readonly string[],
): RawFeatures {
  const steps = spec.plugins ?? [];
  if (steps.length === 0) {
    const branches = planBranches(spec, table, usable);
    return { read: branchInputs(branches, usable), plain: usable, branches };
  }
  const known = new Set(usable);
  steps.forEach(({ columns }, i) =>
    columns.forEach((name, j) => {
      if (known.has(name)) return;
      const field = `preprocessing.plugins[${i}].columns[${j}]`;
      throw invalidField(
        field,
        name,
        `names a column that is no feature; the features are ${usable.slice(0, 50).join(', ')}`,
      );
    }),
  );
  const taken = new Set(steps.flatMap(({ columns }) => columns));
  const kept = new Set(steps.flatMap(({ columns, keep }) => (keep ? columns : [])));
  const plain = usable.filter((name) => !taken.has(name) || kept.has(name));
  const branches =
    plain.length === 0 ? [] : planBranches(withoutOutputs(spec, steps), table, plain, { none: true });
  const read = new Set([...taken, ...branches.flatMap(({ columns }) => columns)]);
  return { read: usable.filter((name) => read.has(name)), plain, branches };
}

/** The specification without what it says of the numbers of plug-ins, which are no columns of the table. */
function withoutOutputs(spec: PreprocessingSpec, steps: readonly PluginStepSpec[]): PreprocessingSpec {
  const isOutput = (name: string): boolean => steps.some((step) => name.startsWith(`${step.name}__`));
  if (spec.form === 'short') {
    const columns = Object.entries(spec.columns).filter(([name]) => !isOutput(name));
    return { ...spec, columns: Object.fromEntries(columns) };
  }
  const transformers = spec.transformers.map((transformer) =>
    Array.isArray(transformer.columns)
      ? { ...transformer, columns: (transformer.columns as string[]).filter((name) => !isOutput(name)) }
      : transformer,
  );
  return { ...spec, transformers };
}
