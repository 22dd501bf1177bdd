import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

import { createRandom } from '@rookery/tabular';

const numbers = [
  'age',
  'income',
  'balance',
  'visits',
  'distance',
  'score',
  'rate',
  'tenure',
  'height',
  'weight',
];
const noise = ['noise_a', 'noise_b', 'noise_c'];
const categories: readonly (readonly [string, number])[] = [
  ['region', 8],
  ['product', 40],
  ['channel', 4],
  ['weekday', 7],
];
const flags = ['member', 'mobile'];
const grades = ['high', 'low', 'middle'] as const;

/** Names of the columns, the target last: 20. */
export const millionColumns: readonly string[] = [
  ...numbers,
  ...noise,
  ...categories.map(([name]) => name),
  ...flags,
  'grade',
];

/** Share of numeric and categorical cells that are missing. */
const missingShare = 0.02;

/**
 * Rows of a made-up table as lines of CSV: ten numbers of different laws, three of noise, four categorical columns, two
 * flags, and a grade that follows from them by a curved score with noise. The same seed gives the same bytes.
 */
export function* millionRows(rows: number, seed: number): Generator<{ line: string; grade: string }> {
  const random = createRandom(seed);
  const weights = numbers.map(() => random.normal());
  const effects = categories.map(([, size]) => Array.from({ length: size }, () => random.normal(0, 0.8)));
  for (let row = 0; row < rows; row++) {
    const cells: string[] = [];
    let score = 0;
    for (let i = 0; i < numbers.length; i++) {
      const z = random.normal();
      score += weights[i]! * (i % 3 === 0 ? Math.tanh(2 * z) : i % 3 === 1 ? z : z * z - 1);
      cells.push(gap(random.uniform()) ? '' : numberText(i, z));
    }
    for (let i = 0; i < noise.length; i++) cells.push(random.normal().toFixed(4));
    categories.forEach(([name, size], i) => {
      const draw = Math.floor(size * random.uniform() ** 1.5);
      score += effects[i]![draw]!;
      cells.push(gap(random.uniform()) ? '' : `${name}-${draw}`);
    });
    for (let i = 0; i < flags.length; i++) {
      const on = random.uniform() < 0.3 + 0.2 * i;
      if (on) score += 0.5;
      cells.push(on ? 'true' : 'false');
    }
    score += random.normal(0, 0.7);
    const grade = score > 1.5 ? grades[0] : score < -0.5 ? grades[1] : grades[2];
    cells.push(grade);
    yield { line: cells.join(','), grade };
  }
}

function gap(draw: number): boolean {
  return draw < missingShare;
}

/** Counts, amounts of money, shares …: what the standardised number looks like in its column. */
function numberText(column: number, z: number): string {
  switch (column % 5) {
    case 0:
      return String(Math.round(45 + 14 * z));
    case 1:
      return Math.exp(10 + 0.6 * z).toFixed(2);
    case 2:
      return (1500 * z).toFixed(2);
    case 3:
      return (7 + 2 * z).toFixed(3);
    default:
      return (z * 100).toPrecision(6);
  }
}

/** Writes the table as a CSV file. */
export async function writeMillion(path: string, rows: number, seed: number): Promise<void> {
  const file = createWriteStream(path);
  const linesAtOnce = 10_000;
  let lines = [millionColumns.join(',')];
  const flush = async (): Promise<void> => {
    if (!file.write(`${lines.join('\n')}\n`)) await once(file, 'drain');
    lines = [];
  };
  for (const { line } of millionRows(rows, seed)) {
    lines.push(line);
    if (lines.length >= linesAtOnce) await flush();
  }
  if (lines.length > 0) await flush();
  file.end();
  await once(file, 'close');
}
