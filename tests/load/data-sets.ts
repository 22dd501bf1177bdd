import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { DatasetRequest } from '@rookery/client';
import { createRandom } from '@rookery/tabular';

/** A data set to publish. */
export interface LoadDataset {
  readonly request: DatasetRequest;
  readonly bytes: number;
  readonly big: boolean;
}

/** What to publish. */
export interface DatasetPlan {
  readonly root: string;
  readonly directory: string;
  readonly count: number;
  /** How many times the rows of the others the big ones have. */
  readonly bigFactor: number;
  /** Positions of the big ones. */
  readonly big: ReadonlySet<number>;
}

const models = 8;

/**
 * Writes data sets, no two of which are equal, so that no cache makes them one: rows drawn from the penguins with a seed of
 * their own.
 */
export function writeLoadDatasets(plan: DatasetPlan): LoadDataset[] {
  const [head = '', ...lines] = readFileSync(join(plan.root, 'data/penguins.csv'), 'utf8')
    .trim()
    .split(/\r?\n/);
  return Array.from({ length: plan.count }, (_, k) => {
    const big = plan.big.has(k);
    const random = createRandom(k + 1);
    const rows = Array.from(
      { length: lines.length * (big ? plan.bigFactor : 1) },
      () => lines[random.integer(lines.length)] ?? '',
    );
    const text = `${[head, ...rows].join('\n')}\n`;
    const file = join(plan.directory, `load-${k}.csv`);
    writeFileSync(file, text);
    return {
      big,
      bytes: Buffer.byteLength(text),
      request: {
        name: `load-${k}`,
        uri: pathToFileURL(file).href,
        target: 'species',
        model: `load-${k % models}`,
        gate: { metric: 'accuracy', threshold: 0.3, allowWorseThanChampion: true },
      },
    };
  });
}
