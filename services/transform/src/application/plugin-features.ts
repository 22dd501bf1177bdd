import type { ColumnKind, Plugins, SettledStep } from '@rookery/plugin';
import { columnByName, deriveSeed, rawColumnsOf, withMadeColumns } from '@rookery/tabular';
import type { FittedPluginStep, MadeColumn, PluginStepSpec, Table } from '@rookery/tabular';

import type { FoldPlan, PluginFeatures } from '../domain/plan-folds.js';

/** Fits the plug-ins of a request on the training rows of a job; undefined where the request has none. */
export type FitPluginFeatures = (number: number) => Promise<PluginFeatures | undefined>;

/**
 * Settles the plug-ins of a request, each once, and gives what fits them for a job. Rejects with RK_PREPROCESSING_INVALID naming the
 * field, and RK_PLUGIN_….
 */
export async function pluginFeatures(
  plugins: Pick<Plugins, 'settleStep' | 'fitStep'>,
  specs: readonly PluginStepSpec[],
  table: Table,
  plan: FoldPlan,
  seed: number,
): Promise<FitPluginFeatures> {
  const steps: SettledStep[] = [];
  for (const [i, spec] of specs.entries()) {
    const kinds = spec.columns.map((name): ColumnKind => {
      const { type } = columnByName(table, name);
      return { name, type: type === 'text' ? 'categorical' : type };
    });
    steps.push(await plugins.settleStep(spec, kinds, `preprocessing.plugins[${i}]`));
  }
  return async (number) => {
    if (steps.length === 0) return undefined;
    const rows = plan.train(number);
    const part = number === plan.jobs - 1 ? 'the final model' : `fold ${number}`;
    const fitted: FittedPluginStep[] = [];
    const made: MadeColumn[] = [];
    for (const step of steps) {
      const names = step.columns.map(({ name }) => name);
      const columns = rawColumnsOf(table, names, rows);
      const drawn = deriveSeed(seed, 'plug-in', step.name, number) >>> 0;
      const one = await plugins.fitStep(step, columns, rows.length, drawn, `fit of ${step.name} for ${part}`);
      fitted.push(one.fitted);
      made.push(...one.made);
    }
    return { steps: fitted, table: withMadeColumns(table, made, rows) };
  };
}
