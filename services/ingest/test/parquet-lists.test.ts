import { readFileSync } from 'node:fs';

import { cellAt } from '@rookery/tabular';
import { describe, expect, test } from 'vitest';

import { readParquet } from '../src/domain/formats/read-parquet.js';
import type { ReadOptions } from '../src/domain/formats/parsed-table.js';
import { readOptions } from './fixtures.js';

const fixture = (name: string): Uint8Array =>
  readFileSync(new URL(`./fixtures/${name}.parquet`, import.meta.url));

/** What pyarrow reads from each of its files: see fixtures/make_parquet.py. */
const held = JSON.parse(readFileSync(new URL('./fixtures/lists.json', import.meta.url), 'utf8')) as Record<
  string,
  ((string | number)[] | null)[]
>;

const reading = (changes: Partial<ReadOptions> = {}): ReadOptions =>
  readOptions({ labelColumn: { name: 'tags', text: true }, ...changes });

describe('a column of lists of labels', () => {
  test.each(Object.entries(held))(
    'is read as pyarrow reads it, no list and an empty one kept apart: %s',
    async (name, lists) => {
      const { table } = await readParquet(fixture(`lists-${name}`), reading());
      const [n, tags] = table.columns;
      const cells = Array.from({ length: table.rows }, (_, row) => cellAt(tags!, row));
      expect(cells).toEqual(lists.map((list) => list && JSON.stringify(list.map(String))));
      expect(lists.some((list) => list?.length === 0)).toBe(true);
      expect(Array.from({ length: table.rows }, (_, row) => cellAt(n!, row))).toEqual([...lists.keys()]);
    },
  );

  test('is refused where it is no target, and left out where it is ignored', async () => {
    await expect(readParquet(fixture('lists-v2-deltas'), readOptions())).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
    });
    const read = await readParquet(fixture('lists-v2-deltas'), readOptions({ ignore: new Set(['tags']) }));
    expect(read.dropped).toEqual(['tags']);
  });

  test.each(['items-missing', 'deeper', 'structs', 'bytes'])(
    'is refused where its items are no labels: %s',
    async (name) => {
      await expect(readParquet(fixture(`no-lists-${name}`), reading())).rejects.toMatchObject({
        code: 'RK_DATASET_COLUMN_TYPE',
        details: { column: 'tags' },
      });
    },
  );

  test('is refused with a cell that is too long, naming its row', async () => {
    await expect(
      readParquet(fixture('lists-v1-dictionary-snappy'), reading({ maxCellBytes: 8 })),
    ).rejects.toMatchObject({ code: 'RK_DATASET_TOO_LARGE', details: { column: 'tags', row: '2' } });
  });
});
