import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { exampleNames, millionRows, readExample, writeMillion } from '@rookery/deploy/examples';
import {
  classLabels,
  fitTarget,
  encodeLabels,
  inferTable,
  inferTask,
  labelSetKFold,
  readSplit,
  splitRows,
} from '@rookery/tabular';
import type { Column, SplitSpec } from '@rookery/tabular';

/** Seed of a run in development where the request names none. */
const seed = 42;

/** Writes <name>.json (target or targets, folds) and <name>.folds: the number of the test fold of each row, one byte each. */
export async function main(args: readonly string[], root: string): Promise<number> {
  const [folder, ...named] = args;
  if (folder === undefined) {
    console.error('Name a folder to write to.');
    return 64;
  }
  mkdirSync(folder, { recursive: true });
  for (const name of named.length > 0 ? named : exampleNames(root)) {
    const example = readExample(root, name);
    const target = String(example.request['target']);
    const targets = example.request['targets'] as readonly string[] | undefined;
    const file = example.source === undefined ? join(folder, `${name}.csv`) : join(root, example.source);
    const folding = Number(example.request['folds'] ?? 5);
    if (targets !== undefined) {
      const folds = foldOfSets(readFileSync(file, 'utf8'), targets, folding);
      writeFileSync(join(folder, `${name}.folds`), folds);
      writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...example, file, targets }));
      console.log(`${name}: ${folds.length} rows`);
      continue;
    }
    let column: Column;
    if (example.generate === undefined) column = columnOf(readFileSync(file, 'utf8'), target);
    else {
      const { rows, seed: made } = example.generate;
      await writeMillion(file, rows, made);
      column = gradesOf(rows, made, target);
    }
    const folds = foldOfRows(column, folding);
    writeFileSync(join(folder, `${name}.folds`), folds);
    writeFileSync(join(folder, `${name}.json`), JSON.stringify({ ...example, file, target }));
    console.log(`${name}: ${folds.length} rows`);
  }
  return 0;
}

function columnOf(text: string, target: string): Column {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const at = header.split(',').indexOf(target);
  return inferTable([target], [lines.map((line) => line.split(',')[at] ?? '')]).columns[0]!;
}

/** Of a table with a column of 0 and 1 for each label. */
function foldOfSets(text: string, targets: readonly string[], folds: number): Uint8Array {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const places = targets.map((target) => header.split(',').indexOf(target));
  const flags = lines.flatMap((line) => {
    const cells = line.split(',');
    return places.map((place) => Number(cells[place]));
  });
  const out = new Uint8Array(lines.length);
  labelSetKFold({ flags, labels: targets.length }, folds, { seed }).forEach(({ test }, fold) => {
    for (const row of test) out[row] = fold;
  });
  return out;
}

function gradesOf(rows: number, made: number, target: string): Column {
  const codes = new Int32Array(rows);
  const labels = ['high', 'low', 'middle'];
  let row = 0;
  for (const { grade } of millionRows(rows, made)) codes[row++] = labels.indexOf(grade);
  return { name: target, type: 'categorical', codes, categories: labels };
}

function foldOfRows(column: Column, folds: number): Uint8Array {
  const rows = column.type === 'numeric' ? column.values.length : column.codes.length;
  const { task } = inferTask(column);
  const regression = task === 'regression';
  const spec: SplitSpec = readSplit(undefined, { folds, stratified: !regression });
  const all = Uint32Array.from({ length: rows }, (_, row) => row);
  const codes = regression
    ? undefined
    : encodeLabels(fitTarget(column, all, task, { labels: classLabels(column) }), column);
  const out = new Uint8Array(rows);
  splitRows({ rows, columns: [column] }, spec, codes, seed).forEach(({ test }, fold) => {
    for (const row of test) out[row] = fold;
  });
  return out;
}
