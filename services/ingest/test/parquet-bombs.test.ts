import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';

import { readParquet } from '../src/domain/formats/read-parquet.js';
import { readOptions } from './fixtures.js';
import { encodings, fileOf, i32, i64, list, struct, text, texts, varint, zigzag } from './parquet-writer.js';
import { endlessCopies } from './zstd-bombs.js';

interface Page {
  readonly content: Buffer;
  readonly values: number;
  readonly encoding?: number;
  /** What the header says of the sizes, where it does not tell the truth. */
  readonly unpacked?: number;
}

/** A file of one optional column `a` with these pages. */
function parquet(
  pages: readonly Page[],
  more: {
    rows?: number;
    type?: number;
    codec?: number;
    pack?: (content: Buffer) => Buffer;
    footer?: Buffer;
  } = {},
): Uint8Array {
  const { rows = pages.reduce((sum, page) => sum + page.values, 0), type = 6, codec = 0 } = more;
  const parts = pages.map(({ content, values, encoding = 0, unpacked = content.length }) => {
    const packed = more.pack?.(content) ?? content;
    const data = struct(i32(1, values), i32(2, encoding), i32(3, 3), i32(4, 3));
    const header = struct(i32(1, 0), i32(2, unpacked), i32(3, packed.length), [5, 12, data]);
    return Buffer.concat([header, packed]);
  });
  const body = Buffer.concat(parts);
  const column = struct(
    i32(1, type),
    list(2, 5, zigzag(0)),
    list(3, 8, Buffer.concat([varint(1), Buffer.from('a')])),
    i32(4, codec),
    i64(5, rows),
    i64(6, body.length),
    i64(7, body.length),
    i64(9, 4),
  );
  const footer =
    more.footer ??
    struct(
      i32(1, 1),
      list(
        2,
        12,
        struct(text(4, 'root'), i32(5, 1)),
        struct(i32(1, type), i32(3, 1), text(4, 'a'), i32(6, 0)),
      ),
      i64(3, rows),
      list(4, 12, struct(list(1, 12, struct(i64(2, 4), [3, 12, column])), i64(2, body.length), i64(3, rows))),
    );
  return fileOf(body, footer);
}

/** Definition levels by run-length encoding: `count` times 1. */
const levels = (count: number, claimed = count): Buffer => {
  const run = Buffer.concat([varint(claimed * 2), Buffer.from([1])]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(run.length);
  return Buffer.concat([length, run]);
};
const good: Page = { content: Buffer.concat([levels(2), texts('x', 'y')]), values: 2 };

test('a file of this writer is read: what is refused below is refused for its claims', async () => {
  for (const file of [
    parquet([good, good]),
    parquet([good, good], { codec: 2, pack: (content) => gzipSync(content) }),
  ]) {
    const { table } = await readParquet(file, readOptions());
    expect(table.rows).toBe(4);
    expect(table.columns[0]).toMatchObject({ name: 'a', categories: ['x', 'y'] });
  }
});

test('a column with fewer cells than the file has rows is refused: none of them is taken for missing', async () => {
  await expect(readParquet(parquet([good], { rows: 3 }), readOptions())).rejects.toMatchObject({
    code: 'RK_DATASET_MALFORMED',
    message: expect.stringContaining('it has 2 cells for 3 rows') as string,
  });
});

const nestedLists = (depth: number): Buffer =>
  Buffer.concat([
    Buffer.from([0x29]),
    Buffer.from(Array.from({ length: depth }, () => 0x19)),
    Buffer.from([0x03, 0]),
  ]);

describe('a file is refused as damaged or too large, at once, whose', () => {
  test.each<[string, () => Uint8Array]>([
    [
      'level run claims a billion values',
      () => parquet([{ content: Buffer.concat([levels(2, 2 ** 29), texts('x', 'y')]), values: 2 }]),
    ],
    [
      'dictionary run claims a billion values',
      () =>
        parquet([
          {
            content: Buffer.concat([levels(2), Buffer.from([1]), varint(2 ** 31 - 2), Buffer.from([0])]),
            values: 2,
            encoding: encodings.dictionary,
          },
        ]),
    ],
    ['page claims more values than rows', () => parquet([{ ...good, values: 2 ** 30 }], { rows: 2 })],
    ['page claims a negative number of values', () => parquet([{ ...good, values: -1 }], { rows: 2 })],
    ['rows are claimed by the billion', () => parquet([good], { rows: 2 ** 40 })],
    ['rows are negative', () => parquet([good], { rows: -2 })],
    [
      'page claims to unpack to more than the limit',
      () => parquet([{ ...good, unpacked: 2 ** 30 }], { codec: 2, pack: (content) => gzipSync(content) }),
    ],
    [
      'page unpacks to more than it says',
      () => parquet([good], { codec: 2, pack: () => gzipSync(Buffer.alloc(50 * 1024 * 1024)) }),
    ],
    ['page does not unpack', () => parquet([good], { codec: 2 })],
    [
      'page has a block of 20 bytes that copies for hours',
      () => parquet([good], { codec: 6, pack: () => endlessCopies() }),
    ],
    [
      'texts each begin with all of the one before',
      () => {
        const count = 100_000;
        // One block for prefixes: first 0, then 1,000,000 each; one for suffixes: the first alone has text.
        const deltas = (first: number, step: number): Buffer =>
          Buffer.concat([
            varint(128),
            varint(1),
            varint(count),
            zigzag(first),
            ...Array.from({ length: 800 }, (_, i) =>
              Buffer.concat([zigzag(i === 0 ? step : 0), Buffer.from([0])]),
            ),
          ]);
        const content = Buffer.concat([levels(count), deltas(0, 1_000_000), deltas(1, 0), Buffer.alloc(64)]);
        return parquet([{ content, values: count, encoding: encodings.deltaByteArray }]);
      },
    ],
    [
      'deltas have numbers without end',
      () =>
        parquet(
          [
            {
              content: Buffer.concat([levels(9), Buffer.alloc(300_000, 0xff)]),
              values: 9,
              encoding: encodings.deltaBinary,
            },
          ],
          { type: 2 },
        ),
    ],
    [
      'footer has a number without end',
      () => parquet([good], { footer: Buffer.concat([Buffer.from([0x16]), Buffer.alloc(300_000, 0xff)]) }),
    ],
    ['footer has lists in lists in lists', () => parquet([good], { footer: nestedLists(5000) })],
    [
      'footer has structs in structs in structs',
      () => parquet([good], { footer: Buffer.alloc(20_000, 0x1c) }),
    ],
    [
      'footer claims a list of a billion items',
      () =>
        parquet([good], {
          footer: Buffer.concat([Buffer.from([0x29, 0xfc]), varint(2 ** 30), Buffer.from([0])]),
        }),
    ],
    [
      'schema claims more children than there are',
      () =>
        parquet([good], {
          footer: struct(
            i32(1, 1),
            list(2, 12, struct(text(4, 'root'), i32(5, 2 ** 30))),
            i64(3, 2),
            list(4, 12),
          ),
        }),
    ],
  ])('%s', async (_, make) => {
    const options = readOptions({ maxBytes: 10 * 1024 * 1024 });
    await expect(readParquet(make(), options)).rejects.toMatchObject({
      name: 'TerminalError',
      code: expect.stringMatching(/^RK_DATASET_(MALFORMED|TOO_LARGE|EMPTY)$/) as string,
    });
  });
});
