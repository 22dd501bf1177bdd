import { readFileSync } from 'node:fs';
import {
  columnFromValues,
  createTable,
  encodeLabels,
  fitTarget,
  fitTransformer,
  kFold,
  transformRows,
} from '@rookery/tabular';
import { defaultSpec, loadPredictor, train } from '@rookery/nn';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Column, Fold, Table } from '@rookery/tabular';

interface Fixture {
  versions: Record<string, string>;
  seeds: { seed: number; folds: number[]; mean: number }[];
}

const fixture = JSON.parse(readFileSync(new URL('./penguins.json', import.meta.url), 'utf8')) as Fixture;

/** The penguins as npm's vega-datasets has them, under the usual column names; '.' is a missing sex. */
function penguins(): Table {
  // Not among the package's exports; a dependency of the root, so it is there.
  const path = new URL('../../../node_modules/vega-datasets/data/penguins.json', import.meta.url);
  const rows = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string | number | null>[];
  const column = (name: string, source: string, type: 'numeric' | 'categorical'): Column =>
    columnFromValues(
      name,
      type,
      rows.map((row) => (row[source] === '.' ? null : (row[source] ?? null))),
    );
  return createTable([
    column('species', 'Species', 'categorical'),
    column('island', 'Island', 'categorical'),
    column('culmen_length_mm', 'Beak Length (mm)', 'numeric'),
    column('culmen_depth_mm', 'Beak Depth (mm)', 'numeric'),
    column('flipper_length_mm', 'Flipper Length (mm)', 'numeric'),
    column('body_mass_g', 'Body Mass (g)', 'numeric'),
    column('sex', 'Sex', 'categorical'),
  ]);
}

async function foldAccuracy(table: Table, { train: fitted, test }: Fold, seed: number): Promise<number> {
  const features = table.columns.map((column) => column.name).filter((name) => name !== 'species');
  const species = table.columns[0]!;
  const target = fitTarget(
    species,
    Uint32Array.from({ length: table.rows }, (_, i) => i),
    'multiclass',
  );
  const transformer = fitTransformer(table, fitted, { features });
  const matrix = transformRows(transformer, table, fitted);
  const { model } = await train({
    spec: defaultSpec('classification', matrix.width, 3),
    features: matrix.data,
    rows: matrix.rows,
    width: matrix.width,
    targets: encodeLabels(target, species, fitted),
    seed,
    yieldEvery: 50,
  });
  const predictor = await loadPredictor(model);
  const held = transformRows(transformer, table, test);
  const probabilities = predictor.predict(held.data, held.rows);
  predictor.dispose();
  const labels = encodeLabels(target, species, test);
  let correct = 0;
  for (let row = 0; row < held.rows; row += 1) {
    const answer = Array.from(probabilities.subarray(row * 3, row * 3 + 3));
    if (answer.indexOf(Math.max(...answer)) === labels[row]) correct += 1;
  }
  return correct / held.rows;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);

describe('cross-validated accuracy on the penguins, 20 seeds', () => {
  const keras = fixture.seeds.map((seed) => seed.mean);
  let rookery: number[] = [];

  beforeAll(async () => {
    const table = penguins();
    expect(table.rows).toBe(344);
    rookery = [];
    for (let seed = 0; seed < 20; seed += 1) {
      const accuracies: number[] = [];
      for (const [fold, rows] of kFold(table.rows, 5, { seed }).entries()) {
        accuracies.push(await foldAccuracy(table, rows, 1000 * seed + fold));
      }
      rookery.push(mean(accuracies));
    }
  }, 120_000);

  it('is statistically the same as the accuracy of Keras with the same recipe', () => {
    expect(keras).toHaveLength(20);
    // Welch's t against the 1 % two-sided critical value; at least 19 degrees of freedom give 2.86 at most.
    const t = (mean(rookery) - mean(keras)) / Math.sqrt(variance(rookery) / 20 + variance(keras) / 20);
    expect(Math.abs(t)).toBeLessThan(2.86);
    expect(Math.abs(mean(rookery) - mean(keras))).toBeLessThan(0.02);
  });

  it('varies between seeds as much as that of Keras does', () => {
    // The 1 % two-sided critical value of F(19, 19).
    const ratio = variance(rookery) / variance(keras);
    expect(Math.max(ratio, 1 / ratio)).toBeLessThan(3.43);
  });
});
