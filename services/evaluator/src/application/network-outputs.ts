import { TerminalError } from '@rookery/contracts';
import { loadPredictor, resolveBackend, trainedModelFromProto } from '@rookery/nn';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { transformRows } from '@rookery/tabular';
import type { FittedTransformer, RowIndices, Table } from '@rookery/tabular';

/**
 * Outputs of a trained network for rows of a table, row-major, through the transformer that it was trained with. All are
 * finite: throws RK_EVALUATION_FAILED, terminal, naming the first row for which one is not (JSON has no NaN, and a network
 * that overflows on rows of its own data set must not be served). `check`: whether the compiled network is held to
 * TensorFlow.js with its own weights, as that of a model that is to be served must be, or with those of any of its topology.
 */
export async function networkOutputs(
  trained: TrainedModel,
  transformer: FittedTransformer,
  table: Table,
  rows: RowIndices,
  check: 'weights' | 'topology',
): Promise<Float32Array> {
  // By the size of this network: whatever was evaluated before must not decide where a large one is.
  const size = { parameters: trained.weights.length / 4, batchSize: rows.length };
  const { backend } = await resolveBackend('auto', size);
  const predictor = await loadPredictor(trainedModelFromProto(trained), {
    backend,
    asynchronous: true,
    rows: rows.length,
    check,
  });
  try {
    const matrix = transformRows(transformer, table, rows);
    const outputs = Float32Array.from(await predictor.predictAsync(matrix.data, matrix.rows));
    const bad = outputs.findIndex((output) => !Number.isFinite(output));
    if (bad >= 0) {
      const row = String(rows[Math.floor(bad / predictor.outputs)]);
      throw new TerminalError(
        'RK_EVALUATION_FAILED',
        `The network gives ${outputs[bad]} for row ${row} of the data set`,
        {
          details: { row, output: String(outputs[bad]) },
          hint: 'Lower the learning rate, or look for extreme values in that row.',
        },
      );
    }
    return outputs;
  } finally {
    predictor.dispose();
  }
}
