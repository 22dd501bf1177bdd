import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { PlainRow, PlainValue } from '@rookery/client';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import type { Signature } from '@rookery/proto/rookery/domain/v1/data';

import { repositoryRoot } from './test-system.js';

/** A file of plain cells: no quotes, no delimiters inside. */
export interface Csv {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Reads an example file of data/. */
export function exampleCsv(file: string): Csv {
  const [head = '', ...lines] = readFileSync(join(repositoryRoot, 'data', file), 'utf8')
    .trim()
    .split(/\r?\n/);
  return { header: head.split(','), rows: lines.map((line) => line.split(',')) };
}

/** Writes a file and gives its uri. */
export function writeCsv(directory: string, name: string, { header, rows }: Csv): string {
  const file = join(directory, name);
  writeFileSync(file, `${[header, ...rows].map((row) => row.join(',')).join('\n')}\n`);
  return pathToFileURL(file).href;
}

/** The same table with another value in each cell of a column. */
export function mapColumn(csv: Csv, column: string, change: (cell: string, row: number) => string): Csv {
  const at = csv.header.indexOf(column);
  if (at < 0) throw new Error(`There is no column ${column}`);
  return {
    ...csv,
    rows: csv.rows.map((row, index) => row.map((cell, k) => (k === at ? change(cell, index) : cell))),
  };
}

/** The same table with the values of a column in another order, always the same one: what it told is gone. */
export function scrambleColumn(csv: Csv, column: string): Csv {
  const at = csv.header.indexOf(column);
  const cells = csv.rows.map((row) => row[at] ?? '');
  let state = 12_345;
  for (let k = cells.length - 1; k > 0; k--) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    const other = state % (k + 1);
    [cells[k], cells[other]] = [cells[other] ?? '', cells[k] ?? ''];
  }
  return mapColumn(csv, column, (_, row) => cells[row] ?? '');
}

const missing = new Set(['', '.', 'NA']);

/** The rows of a table as a model with this signature takes them, each with its target. */
export function labelledRows(
  csv: Csv,
  signature: Signature,
): { readonly row: PlainRow; readonly truth: string }[] {
  return csv.rows.map((cells) => {
    const byName = new Map(csv.header.map((name, k) => [name, cells[k] ?? '']));
    const row = Object.fromEntries(
      signature.features.map(({ name, type }): [string, PlainValue] => {
        const cell = byName.get(name) ?? '';
        if (missing.has(cell)) return [name, null];
        return [name, type === ColumnType.COLUMN_TYPE_NUMERIC ? Number(cell) : cell];
      }),
    );
    return { row, truth: byName.get(signature.target) ?? '' };
  });
}
