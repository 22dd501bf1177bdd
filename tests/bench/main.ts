import { cpus, loadavg } from 'node:os';

import { benchIngest, benchMillion } from './million.js';
import { benchPipeline } from './pipeline.js';
import { benchPredict } from './predict.js';
import type { BenchResult } from './predict.js';
import { benchSearch } from './search.js';
import { benchTrain } from './train.js';

const benchmarks: Readonly<
  Record<string, (root: string, log: (line: string) => void) => Promise<BenchResult[]>>
> = {
  pipeline: (root, log) => benchPipeline({ root, log }),
  predict: (root, log) => benchPredict({ root, log }),
  train: (root, log) => benchTrain({ root, log }),
  ingest: (root, log) => benchIngest({ root, log }),
  million: (root, log) => benchMillion({ root, log }),
  search: (root, log) => benchSearch({ root, log }),
};

/** Runs the benchmarks named, or all; with --json the last line is one JSON object a benchmark. Resolves to the exit code. */
export async function main(args: readonly string[], root: string): Promise<number> {
  const json = args.includes('--json');
  const named = args.filter((argument) => !argument.startsWith('--'));
  const unknown = named.find((name) => benchmarks[name] === undefined);
  if (unknown !== undefined) {
    console.error(`There is no benchmark ${unknown}; there are ${Object.keys(benchmarks).join(', ')}.`);
    return 64;
  }
  const load = loadavg()[0] ?? 0;
  console.error(
    `${cpus().length} cores (${cpus()[0]?.model ?? 'unknown'}), Node ${process.version}, load ${load.toFixed(1)}`,
  );
  if (load > cpus().length / 2) console.error('The machine is busy: figures will be worse than it can do.');
  for (const name of named.length > 0 ? named : Object.keys(benchmarks)) {
    const cases = await benchmarks[name]?.(root, (line) => {
      console.error(line);
    });
    if (json) console.log(JSON.stringify({ name, cases }));
    else console.log(render(name, cases ?? []));
  }
  return 0;
}

function render(name: string, cases: readonly BenchResult[]): string {
  const rows = cases.map((one) => [
    one.case,
    `${one.value} ${one.unit}`,
    one.reference.name,
    `${one.reference.value} ${one.unit}`,
    String(one.ratio),
  ]);
  const table = [['case', 'value', 'reference', 'its value', 'ratio'], ...rows];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  return [
    name,
    ...table.map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  ].join('\n');
}
