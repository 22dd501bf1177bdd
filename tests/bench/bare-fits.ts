import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import {
  allRows,
  columnByName,
  encodeTarget,
  fitTarget,
  fitTransformer,
  inferTable,
  stratifiedKFold,
  transformRows,
} from '@rookery/tabular';

import type { BareFit } from './bare-fits-worker.js';

/** The six networks of a penguins run (five folds and the final one), as fits that are ready to run. */
export function penguinFits(root: string, engine: BareFit['engine']): BareFit[] {
  const [header = '', ...lines] = readFileSync(join(root, 'data/penguins.csv'), 'utf8').trim().split('\n');
  const names = header.split(',');
  const cells = lines.map((line) => line.split(','));
  const table = inferTable(
    names,
    names.map((_, column) => cells.map((row) => row[column] ?? null)),
  );
  const target = columnByName(table, 'species');
  const all = Uint32Array.from(allRows(table.rows));
  const encoder = fitTarget(target, all, 'multiclass');
  const codes = encodeTarget(encoder, target) as Int32Array;
  const features = names.filter((name) => name !== 'species');
  const trainings = [...stratifiedKFold(codes, 5, { seed: 42 }).map((fold) => fold.train), all];
  return trainings.map((rows, seed) => {
    const matrix = transformRows(fitTransformer(table, rows, { features }), table, rows);
    const targets = encodeTarget(encoder, target, rows) as Int32Array;
    return {
      features: matrix.data,
      rows: matrix.rows,
      width: matrix.width,
      targets,
      classes: encoder.labels.length,
      seed,
      engine,
    };
  });
}

/** Warm threads that fit networks, one a core. */
export class BareFits {
  readonly #threads: Worker[];

  private constructor(threads: Worker[]) {
    this.#threads = threads;
  }

  static async open(script: URL): Promise<BareFits> {
    const threads = Array.from({ length: cpus().length }, () => new Worker(script));
    await Promise.all(threads.map((thread) => new Promise((resolve) => thread.once('message', resolve))));
    return new BareFits(threads);
  }

  /** Milliseconds from handing out the first fit to the end of the last, spread over the threads. */
  async run(fits: readonly BareFit[]): Promise<number> {
    const queue = [...fits];
    const startedAt = performance.now();
    await Promise.all(
      this.#threads.map(async (thread) => {
        for (let fit = queue.shift(); fit !== undefined; fit = queue.shift()) {
          const done = new Promise((resolve) => thread.once('message', resolve));
          thread.postMessage(fit);
          await done;
        }
      }),
    );
    return performance.now() - startedAt;
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.terminate()));
  }
}
