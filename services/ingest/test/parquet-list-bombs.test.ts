import { cellAt } from '@rookery/tabular';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { readParquet } from '../src/domain/formats/read-parquet.js';
import type { ReadOptions } from '../src/domain/formats/parsed-table.js';
import { readOptions } from './fixtures.js';
import { encodings, fileOf, i32, i64, list, struct, text, texts, varint, zigzag } from './parquet-writer.js';
import type { Field } from './parquet-writer.js';

/** A page of an optional list of optional texts: levels up to 1, and up to 3. */
interface ListPage {
  readonly repetitions: readonly number[];
  readonly definitions: readonly number[];
  readonly values: Buffer;
  /** What the header says, where it does not tell the truth. */
  readonly claimed?: number;
  readonly levelEncoding?: number;
  readonly encoding?: number;
  /** Levels in the place of those of the entries. */
  readonly runs?: readonly [Buffer, Buffer];
  /** The second version of pages, with what it says of nulls and rows. */
  readonly v2?: { readonly nulls: number; readonly rows: number };
}

const runsOf = (levels: readonly number[]): Buffer =>
  Buffer.concat(levels.map((level) => Buffer.concat([varint(2), Buffer.from([level])])));
const sized = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
};

function pageOf(page: ListPage): Buffer {
  const { repetitions, definitions, values, encoding = encodings.plain } = page;
  const [first, second] = page.runs ?? [runsOf(repetitions), runsOf(definitions)];
  const count = page.claimed ?? repetitions.length;
  if (page.v2 !== undefined) {
    const content = Buffer.concat([first, second, values]);
    const { nulls, rows } = page.v2;
    const data = struct(
      i32(1, count),
      i32(2, nulls),
      i32(3, rows),
      i32(4, encoding),
      i32(5, second.length),
      i32(6, first.length),
    );
    return Buffer.concat([
      struct(i32(1, 3), i32(2, content.length), i32(3, content.length), [8, 12, data]),
      content,
    ]);
  }
  const content = Buffer.concat([sized(first), sized(second), values]);
  const { levelEncoding = 3 } = page;
  const data = struct(i32(1, count), i32(2, encoding), i32(3, levelEncoding), i32(4, levelEncoding));
  return Buffer.concat([
    struct(i32(1, 0), i32(2, content.length), i32(3, content.length), [5, 12, data]),
    content,
  ]);
}

const dictionaryOf = (...words: readonly string[]): Buffer => {
  const content = texts(...words);
  const data = struct(i32(1, words.length), i32(2, encodings.plain));
  return Buffer.concat([
    struct(i32(1, 2), i32(2, content.length), i32(3, content.length), [7, 12, data]),
    content,
  ]);
};

/** A file of one column `tags` of lists with these pages. */
function lists(
  rows: number,
  pages: readonly Buffer[],
  more: { readonly chunks?: number; readonly path?: readonly string[] } = {},
): Uint8Array {
  const body = Buffer.concat(pages);
  const path = more.path ?? ['tags', 'list', 'element'];
  const column = struct(
    i32(1, 6),
    list(2, 5, zigzag(0)),
    list(3, 8, ...path.map((name) => Buffer.concat([varint(name.length), Buffer.from(name)]))),
    i32(4, 0),
    i64(5, rows),
    i64(6, body.length),
    i64(7, body.length),
    i64(9, 4),
  );
  const chunk = struct(i64(2, 4), [3, 12, column]);
  const group = (name: string, repetition: number, more_: readonly Field[] = []): Buffer =>
    struct(i32(3, repetition), text(4, name), i32(5, 1), ...more_);
  const footer = struct(
    i32(1, 1),
    list(
      2,
      12,
      struct(text(4, 'root'), i32(5, 1)),
      group('tags', 1, [i32(6, 3)]),
      group('list', 2),
      struct(i32(1, 6), i32(3, 1), text(4, 'element'), i32(6, 0)),
    ),
    i64(3, rows),
    list(
      4,
      12,
      struct(
        list(1, 12, ...Array.from({ length: more.chunks ?? 1 }, () => chunk)),
        i64(2, body.length),
        i64(3, rows),
      ),
    ),
  );
  return fileOf(body, footer);
}

const reading = (changes: Partial<ReadOptions> = {}): ReadOptions =>
  readOptions({ labelColumn: { name: 'tags', text: true }, maxBytes: 1024 ** 2, ...changes });

/** ["x","y"], no list, []. */
const good: ListPage = {
  repetitions: [0, 1, 0, 0],
  definitions: [3, 3, 0, 1],
  values: texts('x', 'y'),
};
const goodV2: ListPage = { ...good, v2: { nulls: 2, rows: 3 } };

test('a file of this writer is read: what is refused below is refused for its claims', async () => {
  const onward: ListPage = { repetitions: [1, 0], definitions: [3, 3], values: texts('z', 'w') };
  const begun: ListPage = { repetitions: [0], definitions: [3], values: texts('x') };
  for (const [pages, cells] of [
    [[good], ['["x","y"]', null, '[]']],
    [[goodV2], ['["x","y"]', null, '[]']],
    // A list that goes on in the next page.
    [
      [begun, onward],
      ['["x","z"]', '["w"]'],
    ],
  ] as const) {
    const { table } = await readParquet(lists(cells.length, pages.map(pageOf)), reading());
    expect(cells.map((_, row) => cellAt(table.columns[0]!, row))).toEqual(cells);
  }
});

describe('a column of lists is refused as damaged or too large, at once, whose', () => {
  const billion = 2 ** 29;
  const endless = (level: number): Buffer => Buffer.concat([varint(billion * 2), Buffer.from([level])]);
  const one = (changes: Partial<ListPage>, rows = 3): (() => Uint8Array) => {
    return () => lists(rows, [pageOf({ ...good, ...changes })]);
  };
  test.each<[string, () => Uint8Array]>([
    [
      'page claims a billion items by two runs of six bytes',
      one({ claimed: billion, runs: [endless(1), endless(3)] }),
    ],
    ['level run claims a billion items of a page of four', one({ runs: [endless(0), endless(3)] })],
    ['page claims a negative number of items', one({ claimed: -1 })],
    ['page holds nothing', one({ repetitions: [], definitions: [], values: texts() })],
    ['levels are fewer than its items', one({ claimed: 9 })],
    ['first list goes on', one({ repetitions: [1, 1, 0, 0] })],
    ['empty list goes on', one({ definitions: [1, 3, 0, 1] })],
    ['missing list goes on', one({ definitions: [0, 3, 0, 1] })],
    ['list goes on with no item', one({ definitions: [3, 1, 3, 1] })],
    ['repetition is deeper than lists are', one({ repetitions: [0, 2, 0, 0] })],
    ['definition is deeper than items are', one({ definitions: [3, 4, 0, 1] })],
    ['lists are more than the rows', one({}, 2)],
    ['lists are fewer than the rows', one({}, 4)],
    ['levels are bit-packed in the old way', one({ levelEncoding: 4 })],
    ['nulls are not those of its levels', one({ v2: { nulls: 1, rows: 3 } })],
    ['rows are not those of its levels', one({ v2: { nulls: 2, rows: 2 } })],
    ['values are cut off', one({ values: texts('x') })],
    ['chunks are two', () => lists(3, [pageOf(good)], { chunks: 2 })],
    ['chunk is of another column', () => lists(3, [pageOf(good)], { path: ['tags', 'list', 'item'] })],
    ['chunk is of no column', () => lists(3, [pageOf(good)], { path: ['other'] })],
    [
      'texts of a dictionary are in the lists of many rows',
      () => {
        const rows = 2000;
        const indices = Buffer.concat([Buffer.from([1]), varint(rows * 2), Buffer.from([0])]);
        const level = (value: number): Buffer => Buffer.concat([varint(rows * 2), Buffer.from([value])]);
        const page: ListPage = {
          ...good,
          claimed: rows,
          runs: [level(0), level(3)],
          values: indices,
          encoding: encodings.dictionary,
        };
        return lists(rows, [dictionaryOf('a'.repeat(1000), 'b'), pageOf(page)]);
      },
    ],
  ])('%s', async (_, make) => {
    await expect(readParquet(make(), reading())).rejects.toMatchObject({
      name: 'TerminalError',
      code: expect.stringMatching(/^RK_DATASET_(MALFORMED|TOO_LARGE)$/) as string,
    });
  });

  test('bytes are any but those that were written: it is read or refused, never more', async () => {
    const names = ['v1-plain-pages', 'v1-dictionary-snappy', 'v2-deltas', 'v2-dictionary-zstd', 'v2-numbers'];
    const files = names.map((name) =>
      readFileSync(new URL(`./fixtures/lists-${name}.parquet`, import.meta.url)),
    );
    const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), changes, async (file, places) => {
        const bytes = Uint8Array.from(file);
        for (const [place, byte] of places) bytes[place % bytes.length] = byte;
        try {
          const { table } = await readParquet(bytes, reading());
          expect(table.rows).toBe(90);
        } catch (error) {
          expect(error).toMatchObject({ name: 'TerminalError' });
          refused++;
        }
      }),
      { numRuns: 400 },
    );
    expect(refused).toBeGreaterThan(50);
  });
});
