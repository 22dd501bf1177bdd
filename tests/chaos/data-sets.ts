import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { DatasetRequest, PlainRow } from '@rookery/client';
import { createRandom } from '@rookery/tabular';

import type { PlannedDataset } from './schedule.js';

/** Files of a run of the suite. */
export interface DataSets {
  request(planned: PlannedDataset): DatasetRequest;
  /** Rows to predict. */
  readonly rows: readonly PlainRow[];
}

const target = 'species';

/** Writes the penguins with right, partly wrong and shuffled labels. */
export function writeDataSets(root: string, directory: string): DataSets {
  const [head = '', ...lines] = readFileSync(join(root, 'data/penguins.csv'), 'utf8').trim().split(/\r?\n/);
  const names = head.split(',');
  const at = names.indexOf(target);
  const table = lines.map((line) => line.split(','));
  const write = (name: string, labelOf: (row: number) => string): string => {
    const rows = table.map((cells, row) =>
      cells.map((cell, k) => (k === at ? labelOf(row) : cell)).join(','),
    );
    const file = join(directory, `${name}.csv`);
    writeFileSync(file, `${[head, ...rows].join('\n')}\n`);
    return pathToFileURL(file).href;
  };
  const labels = table.map((cells) => cells[at] ?? '');
  const shuffled = createRandom(7).shuffle([...labels]);
  const good = write('good', (row) => labels[row] ?? '');
  const uris = {
    good,
    worse: write('worse', (row) => (row % 3 === 0 ? 'Adelie' : (labels[row] ?? ''))),
    shuffled: write('shuffled', (row) => shuffled[row] ?? ''),
    'no-target': good,
    'bad-spec': good,
  };
  const rows = table
    .filter((cells) => cells.every((cell) => cell !== '' && cell !== 'NA' && cell !== '.'))
    .map((cells) =>
      Object.fromEntries(
        names.flatMap((name, k) => {
          const cell = cells[k] ?? '';
          if (k === at) return [];
          return [[name, Number.isNaN(Number(cell)) ? cell : Number(cell)]];
        }),
      ),
    );
  return {
    rows,
    request: ({ kind, model, folds, seed, allowWorse }) => ({
      name: `${kind}-${model}`,
      uri: uris[kind],
      target: kind === 'no-target' ? 'colour' : target,
      model,
      folds,
      seed,
      epochs: 12,
      gate: {
        metric: 'accuracy',
        threshold: kind === 'shuffled' ? 0.9 : 0.3,
        allowWorseThanChampion: allowWorse,
      },
      ...(kind === 'bad-spec' ? { modelSpec: { layers: [{ type: 'dense', units: -3 }] } } : {}),
    }),
  };
}
