import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { MetricSummary } from '@rookery/proto/rookery/domain/v1/data';

/** Mean over the folds, averaged over several seeds, and how much the seed moves it. */
export interface ReferenceScore {
  readonly mean: number;
  readonly std_of_seeds: number;
  readonly seeds: number;
}

/** Scores of an example by other libraries, on the same folds. */
export interface ReferenceScores {
  readonly keras: Readonly<Record<string, ReferenceScore>>;
  readonly sklearn: Readonly<Record<string, ReferenceScore>>;
}

/** The committed scores of an example (tests/golden/examples/generate.py), or undefined. */
export function readScores(root: string, name: string): ReferenceScores | undefined {
  const file = join(root, 'tests/golden/examples/scores.json');
  if (!existsSync(file)) return undefined;
  const { examples } = JSON.parse(readFileSync(file, 'utf8')) as {
    examples: Record<string, ReferenceScores>;
  };
  return examples[name];
}

/** The metrics that the references have (or, without, all), one line each. */
export function scoreTable(
  metrics: Readonly<Record<string, MetricSummary>>,
  scores: ReferenceScores | undefined,
): string {
  const names = Object.keys(scores?.keras ?? metrics).sort();
  const shown = (score: ReferenceScore | undefined): string =>
    score === undefined
      ? ''
      : score.seeds > 1
        ? `${score.mean.toFixed(4)} (seeds ± ${score.std_of_seeds.toFixed(4)})`
        : score.mean.toFixed(4);
  const rows = names.map((name) => {
    const own = metrics[name];
    return [
      name,
      own === undefined ? '' : `${own.mean.toFixed(4)} ± ${own.std.toFixed(4)}`,
      shown(scores?.keras[name]),
      shown(scores?.sklearn[name]),
    ];
  });
  const table = [['mean over the folds', 'Rookery', 'Keras, same network', 'scikit-learn MLP'], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
