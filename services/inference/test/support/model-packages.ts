import { readFileSync } from 'node:fs';

import { columnTypeToProto, taskToProto } from '@rookery/contracts';
import type { TaskName } from '@rookery/contracts';
import { defaultSpec, loadPredictor, train, trainedModelToProto } from '@rookery/nn';
import type { ModelSpec } from '@rookery/nn';
import { ModelPackage } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { Row, Signature, Value } from '@rookery/proto/rookery/domain/v1/data';
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

const numeric = ['culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm', 'body_mass_g'];

/** The penguins as a table. */
export function penguins(): Table {
  const lines = readFileSync(new URL('../../../../data/penguins.csv', import.meta.url), 'utf8')
    .trim()
    .split('\n');
  const names = lines[0]!.split(',');
  const cells = lines.slice(1).map((line) => line.split(','));
  return inferTable(
    names,
    names.map((_, column) => cells.map((row) => row[column] ?? null)),
  );
}

/** One row of the table's features, as a caller sends it. */
export function rowOf(table: Table, index: number, features: readonly string[]): Row {
  const values: Record<string, Value> = {};
  for (const name of features) {
    const cell = cellAt(columnByName(table, name), index);
    if (cell === null) values[name] = { kind: undefined };
    else if (typeof cell === 'number') values[name] = { kind: { $case: 'number', value: cell } };
    else if (typeof cell === 'boolean') values[name] = { kind: { $case: 'flag', value: cell } };
    else values[name] = { kind: { $case: 'text', value: cell } };
  }
  return { values };
}

/** A package trained on the penguins, and what a test wants to know of it. */
export interface TrainedPackage {
  readonly model: string;
  readonly pack: ModelPackage;
  readonly features: string[];
  readonly table: Table;
  /** Outputs that the trained network gives for a row of the table. */
  outputs(row: number): number[];
}

/** Trains a real model: species from the six features, or body mass from the five others. */
export async function trainPackage(options: {
  model: string;
  target?: string;
  epochs?: number;
  seed?: number;
  runId?: string;
  layers?: ModelSpec['layers'];
}): Promise<TrainedPackage> {
  const table = penguins();
  const target = options.target ?? 'species';
  const task: TaskName = numeric.includes(target) ? 'regression' : 'multiclass';
  const features = table.columns.map((column) => column.name).filter((name) => name !== target);
  const column = columnByName(table, target);
  const rows = allRows(table.rows).filter((row) => cellAt(column, row) !== null);
  const transformer = fitTransformer(table, rows, { features });
  const matrix = transformRows(transformer, table, rows);
  const encoder = fitTarget(column, rows, task);
  const outputs = task === 'regression' ? 1 : encoder.labels.length;
  const spec = {
    ...defaultSpec(task === 'regression' ? 'regression' : 'classification', matrix.width, outputs),
    epochs: options.epochs ?? 10,
    ...(options.layers && { layers: options.layers }),
  };
  const { model: trained } = await train({
    spec,
    features: matrix.data,
    rows: matrix.rows,
    width: matrix.width,
    targets: encodeTarget(encoder, column, rows),
    seed: options.seed ?? 42,
    backend: 'cpu',
  });
  const predictor = await loadPredictor(trained, { backend: 'cpu' });
  const all = transformRows(transformer, table);
  const answers = predictor.predict(all.data, all.rows);
  predictor.dispose();
  const outputsOf = (row: number): number[] => [...answers.subarray(row * outputs, (row + 1) * outputs)];
  const signature: Signature = {
    features: features.map((name) => {
      const one = columnByName(table, name);
      return {
        name,
        type: columnTypeToProto(one.type),
        categories: one.type === 'numeric' ? [] : [...one.categories],
      };
    }),
    target,
    task: taskToProto(task),
    classes: [...encoder.labels],
    targets: [],
    labelSeparator: '',
    labelThreshold: 0,
    labelThresholds: [],
  };
  const pack = ModelPackage.fromPartial({
    model: options.model,
    runId: options.runId ?? 'run-test',
    trained: trainedModelToProto(trained),
    transformerJson: JSON.stringify(transformer),
    targetJson: JSON.stringify(encoder),
    signature,
    inputExample: rowOf(table, 0, features),
    golden: [0, 1, 3, 100, 200, 300].map((row) => ({
      row: rowOf(table, row, features),
      outputs: outputsOf(row),
    })),
  });
  return { model: options.model, pack, features, table, outputs: outputsOf };
}
