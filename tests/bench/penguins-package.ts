import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { columnTypeToProto, taskToProto } from '@rookery/contracts';
import { defaultSpec, loadPredictor, train, trainedModelToProto } from '@rookery/nn';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { Row, Value } from '@rookery/proto/rookery/domain/v1/data';
import {
  allRows,
  cellAt,
  columnByName,
  encodeTarget,
  fitTarget,
  fitTransformer,
  inferTable,
  transformRows,
} from '@rookery/tabular';
import type { Table } from '@rookery/tabular';

/** A model package as the pipeline makes it, trained here on the penguins, and rows to ask it about. */
export interface PenguinsPackage {
  readonly pack: ModelPackage;
  readonly rows: Row[];
}

/** Trains the reference network on all rows of data/penguins.csv below `root`. */
export async function trainPenguinsPackage(root: string, model: string): Promise<PenguinsPackage> {
  const lines = readFileSync(join(root, 'data/penguins.csv'), 'utf8').trim().split('\n');
  const names = lines[0]!.split(',');
  const cells = lines.slice(1).map((line) => line.split(','));
  const table = inferTable(
    names,
    names.map((_, column) => cells.map((row) => row[column] ?? null)),
  );
  const target = columnByName(table, 'species');
  const features = names.filter((name) => name !== 'species');
  const rows = allRows(table.rows);
  const transformer = fitTransformer(table, rows, { features });
  const encoder = fitTarget(target, rows, 'multiclass');
  const matrix = transformRows(transformer, table);
  const { model: trained } = await train({
    spec: defaultSpec('classification', matrix.width, encoder.labels.length),
    features: matrix.data,
    rows: matrix.rows,
    width: matrix.width,
    targets: encodeTarget(encoder, target),
    backend: 'cpu',
  });
  const predictor = await loadPredictor(trained, { backend: 'cpu' });
  const outputs = predictor.predict(matrix.data, matrix.rows);
  const width = predictor.outputs;
  predictor.dispose();
  const examples = Array.from(rows, (row) => rowOf(table, row, features));
  const pack = ModelPackage.fromPartial({
    model,
    runId: 'run-bench',
    trained: trainedModelToProto(trained),
    transformerJson: JSON.stringify(transformer),
    targetJson: JSON.stringify(encoder),
    signature: {
      features: features.map((name) => {
        const column = columnByName(table, name);
        return {
          name,
          type: columnTypeToProto(column.type),
          categories: column.type === 'numeric' ? [] : [...column.categories],
        };
      }),
      target: 'species',
      task: taskToProto('multiclass'),
      classes: [...encoder.labels],
    },
    inputExample: examples[0]!,
    golden: [0, 100, 300].map((row) => ({
      row: examples[row]!,
      outputs: [...outputs.subarray(row * width, (row + 1) * width)],
    })),
  });
  return { pack, rows: examples };
}

function rowOf(table: Table, index: number, features: readonly string[]): Row {
  const values: Record<string, Value> = {};
  for (const name of features) {
    const cell = cellAt(columnByName(table, name), index);
    if (cell === null) values[name] = { kind: undefined };
    else if (typeof cell === 'number') values[name] = { kind: { $case: 'number', value: cell } };
    else values[name] = { kind: { $case: 'text', value: String(cell) } };
  }
  return { values };
}
