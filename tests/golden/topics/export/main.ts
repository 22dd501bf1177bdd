import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { labelSetKFold } from '@rookery/tabular';

/** Seed of a run in development where the request names none, and its folds. */
const seed = 42;
const folds = 5;
const labels = 5;

/** Writes the number of the test fold of each row of data/topics.csv, as JSON. */
export function main(args: readonly string[], root: string): Promise<number> {
  const [file] = args;
  if (file === undefined) {
    console.error('Name a file to write to.');
    return Promise.resolve(64);
  }
  const [, ...lines] = readFileSync(join(root, 'data', 'topics.csv'), 'utf8')
    .trim()
    .split('\n');
  const flags = lines.flatMap((line) => line.split(',').slice(-labels).map(Number));
  const foldOfRow = new Array<number>(lines.length).fill(-1);
  labelSetKFold({ flags, labels }, folds, { seed }).forEach(({ test }, fold) => {
    for (const row of test) foldOfRow[row] = fold;
  });
  writeFileSync(file, JSON.stringify(foldOfRow));
  return Promise.resolve(0);
}
