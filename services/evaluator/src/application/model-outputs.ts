import { pluginFormat, withPluginColumns } from '@rookery/plugin';
import type { Plugins } from '@rookery/plugin';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { transformRows } from '@rookery/tabular';
import type { FittedTransformer, RowIndices, Table } from '@rookery/tabular';

import { networkOutputs } from './network-outputs.js';

/** Which outputs are wanted. */
export interface AskedOutputs {
  readonly trained: TrainedModel;
  readonly transformer: FittedTransformer;
  readonly table: Table;
  readonly rows: RowIndices;
  /** Class labels in the order of the outputs; empty for a regression. */
  readonly classes: readonly string[];
  /** For messages: "evaluation of fold 3". */
  readonly what: string;
  /** Of a network: what its compiled form is held to TensorFlow.js with; see `networkOutputs`. */
  readonly check: 'weights' | 'topology';
}

/**
 * Outputs of a trained model for rows of a table, row-major and finite, through the transformer that it was trained with. Throws
 * RK_EVALUATION_FAILED for a network, and for a plug-in, be it the model or a step, what its process does: RK_PLUGIN_OUTPUT, RK_PLUGIN_CHANGED …
 */
export async function modelOutputs(
  plugins: Pick<Plugins, 'open' | 'openStep'>,
  asked: AskedOutputs,
): Promise<Float32Array> {
  const { trained, transformer, rows, classes, what, check } = asked;
  const table = await withPluginColumns(plugins, transformer, asked.table, rows, what);
  if (trained.format !== pluginFormat) return networkOutputs(trained, transformer, table, rows, check);
  const predictor = await plugins.open(trained, { classes, features: transformer.featureNames }, what);
  try {
    const matrix = transformRows(transformer, table, rows);
    return await predictor.predict(matrix.data, matrix.rows, what);
  } finally {
    await predictor.close();
  }
}
