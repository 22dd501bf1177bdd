import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { boundedCompressors } from '../src/domain/parquet/bounded-compressors.js';
import { zstdFrames } from '../src/domain/parquet/zstd-frames.js';
import { endlessCopies, longLiterals, longMatches, repeatedBytes, stored } from './zstd-bombs.js';

/** data/penguins.csv by zstd 1.5.4: `zstd -1`, `zstd -19`, `zstd --fast=5 --no-check`. */
const fixtures = ['penguins1', 'penguins19', 'penguinsfast5nocheck'] as const;
const original = readFileSync(new URL('../../../data/penguins.csv', import.meta.url));
const packed = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`./fixtures/zstd/${name}.zst`, import.meta.url)));
const unpack = (input: Uint8Array, length: number): Buffer =>
  Buffer.from(boundedCompressors.ZSTD?.(input, length) ?? []);

describe('Zstandard frames', () => {
  test.each(fixtures)(
    'of %s: their size is known before they are unpacked, and they unpack to it',
    (name) => {
      const input = packed(name);
      expect(zstdFrames(input, original.length)).toEqual([
        { start: 0, end: input.length, size: original.length },
      ]);
      expect(unpack(input, original.length).equals(original)).toBe(true);
    },
  );

  test('one after the other, with something to be passed over between, are put together', () => {
    const skipped = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);
    const input = Buffer.concat([...fixtures.map(packed), skipped, stored(Buffer.from('end'))]);
    const whole = Buffer.concat([original, original, original, Buffer.from('end')]);
    expect(unpack(input, whole.length).equals(whole)).toBe(true);
  });

  test.each(fixtures)(
    'of %s, cut off or damaged anywhere, give an error or bytes within the bound',
    (name) => {
      const input = packed(name);
      fc.assert(
        fc.property(
          fc.nat(input.length - 1),
          fc.integer({ min: 1, max: 255 }),
          fc.boolean(),
          (at, flip, cut) => {
            const damaged = cut ? input.subarray(0, at) : Buffer.from(input);
            if (!cut) damaged[at]! ^= flip;
            let size = 0;
            try {
              size = unpack(damaged, original.length).length;
            } catch (error) {
              expect(error).toBeInstanceOf(Error);
            }
            expect(size).toBeLessThanOrEqual(original.length);
          },
        ),
        { numRuns: 300 },
      );
    },
  );
});

describe('a Zstandard bomb is refused before anything is unpacked:', () => {
  test.each<[string, Buffer, number, string]>([
    ['more than it says', packed('penguins19'), original.length - 1, 'more than it says'],
    ['20 bytes that copy for hours', endlessCopies(), 1024, 'more than a block may hold'],
    ['a few matches that are too long together', longMatches(3), 1 << 30, 'more than a block may hold'],
    ['literals that are copied without being there', longLiterals(9), 1 << 30, 'more literals than it has'],
    ['a gigabyte of one byte', repeatedBytes(8192), 1 << 20, 'more than it says'],
    [
      'the same in a second frame',
      Buffer.concat([stored(Buffer.from('ok')), repeatedBytes(8192)]),
      1 << 20,
      'more than it says',
    ],
  ])('%s', (_, input, length, words) => {
    expect(() => unpack(input, length)).toThrow(words);
  });

  test('a window of two gigabytes is no memory: what is unpacked is', () => {
    const bytes = Buffer.from('a little');
    expect(unpack(stored(bytes, 0xa0), bytes.length).equals(bytes)).toBe(true);
  });
});
