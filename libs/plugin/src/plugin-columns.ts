import { pluginStepsOf, rawColumnsOf, withMadeColumns } from '@rookery/tabular';
import type {
  FittedPluginStep,
  FittedTransformer,
  MadeColumn,
  RawColumn,
  RowIndices,
  Table,
} from '@rookery/tabular';

import type { PluginSteps } from './host/plugin-steps.js';

/** The columns that fitted steps make of raw ones, which `columnsOf` gives by their names: each step is opened for this, and closed. */
export async function madeColumns(
  plugins: Pick<PluginSteps, 'openStep'>,
  steps: readonly FittedPluginStep[],
  columnsOf: (names: readonly string[]) => readonly RawColumn[],
  rows: number,
  what: string,
  signal?: AbortSignal,
): Promise<MadeColumn[]> {
  const made: MadeColumn[] = [];
  for (const step of steps) {
    const columns = columnsOf(step.columns.map(({ name }) => name));
    const open = await plugins.openStep(step, what, signal);
    try {
      made.push(...(await open.apply(columns, rows, what, signal)));
    } finally {
      await open.close();
    }
  }
  return made;
}

/** The table with the columns that the plug-ins of a transformer make in these rows; itself where it has none. */
export async function withPluginColumns(
  plugins: Pick<PluginSteps, 'openStep'>,
  transformer: FittedTransformer,
  table: Table,
  rows: RowIndices,
  what: string,
): Promise<Table> {
  const steps = pluginStepsOf(transformer);
  if (steps.length === 0) return table;
  const columnsOf = (names: readonly string[]): RawColumn[] => rawColumnsOf(table, names, rows);
  return withMadeColumns(table, await madeColumns(plugins, steps, columnsOf, rows.length, what), rows);
}
