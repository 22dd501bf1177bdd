import { describe, expect, test } from 'vitest';

import { createTable, inferColumn, tableFromArrow, tableToArrow } from '../src/index.js';

const texts = Array.from({ length: 30 }, (_, i) => (i % 9 === 0 ? '' : `t${i % 4}`));
const good = tableToArrow(
  createTable([
    inferColumn('a', texts),
    inferColumn(
      'b',
      texts.map((_, i) => String(i / 7)),
    ),
  ]),
);

/** A copy with another 32-bit word at this offset. */
function withWord(at: number, word: number): Uint8Array {
  const bytes = Uint8Array.from(good);
  new DataView(bytes.buffer).setUint32(at, word, true);
  return bytes;
}

describe('Arrow bytes of a stranger', () => {
  test('are read where they are whole, and refused wherever they are cut', () => {
    expect(tableFromArrow(good).rows).toBe(30);
    for (let length = 0; length < good.length - 8; length += 4) {
      const cut = good.subarray(0, length);
      try {
        expect(tableFromArrow(cut).rows).toBeLessThanOrEqual(30);
      } catch (error) {
        expect(error, `cut at ${length}`).toMatchObject({ code: 'RK_TABULAR_ARROW_INVALID' });
      }
    }
  });

  test.each([0, 1, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff])(
    'end with a table or a code whatever length or offset is %i',
    (word) => {
      for (let at = 0; at + 4 <= good.length; at += 4) {
        try {
          expect(tableFromArrow(withWord(at, word)).rows).toBeLessThanOrEqual(8 * good.length + 65_536);
        } catch (error) {
          expect(error, `word at ${at}`).toMatchObject({
            code: expect.stringMatching(/^RK_TABULAR_/) as string,
          });
        }
      }
    },
  );

  test('behind the mark of the end are not read', () => {
    const noRows = tableToArrow(createTable([inferColumn('a', [])]));
    // The schema alone, the mark, and a message that leads anywhere.
    const schemaEnds = 8 + new DataView(noRows.buffer, noRows.byteOffset).getInt32(4, true);
    const hostile = withWord(good.length - 200, 0x7fffffff);
    const bytes = Uint8Array.from([...noRows.subarray(0, schemaEnds), 0, 0, 0, 0, ...hostile]);
    expect(tableFromArrow(bytes).rows).toBe(0);
    expect(tableFromArrow(Uint8Array.from([...good, ...hostile]))).toEqual(tableFromArrow(good));
  });
});
