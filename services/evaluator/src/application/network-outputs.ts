import { loadPredictor, trainedModelFromProto } from '@rookery/nn';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { transformRows } from '@rookery/tabular';
import type { FittedTransformer, RowIndices, Table } from '@rookery/tabular';

/** Outputs of a trained network for rows of a table, row-major, through the transformer that it was trained with. */
export async function networkOutputs(
  trained: TrainedModel,
  transformer: FittedTransformer,
  table: Table,
  rows: RowIndices,
): Promise<Float32Array> {
  const predictor = await loadPredictor(trainedModelFromProto(trained));
  try {
    const matrix = transformRows(transformer, table, rows);
    return Float32Array.from(await predictor.predictAsync(matrix.data, matrix.rows));
  } finally {
    predictor.dispose();
  }
}
