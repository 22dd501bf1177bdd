import fc from 'fast-check';
import {
  Bool,
  Float32,
  Int64,
  Table as ArrowTable,
  Timestamp,
  TimeUnit,
  tableFromIPC,
  tableToIPC,
  vectorFromArray,
} from 'apache-arrow';
import { describe, expect, it } from 'vitest';
import {
  TabularError,
  columnByName,
  createTable,
  inferTable,
  tableFromArrow,
  tableToArrow,
} from '../src/index.js';
import { anyTable } from './arbitraries.js';

describe('Arrow codec', () => {
  it('gives every table back exactly, missing cells and unused categories included', () => {
    fc.assert(
      fc.property(anyTable, (table) => {
        expect(tableFromArrow(tableToArrow(table))).toEqual(table);
      }),
    );
  });

  it('keeps a byte order mark at the start of a cell: the category is another one', () => {
    const table = inferTable(['a'], [['x', '\ufeffx', 'x']]);
    expect(tableFromArrow(tableToArrow(table))).toEqual(table);
    expect(columnByName(table, 'a')).toMatchObject({ categories: ['x', '\ufeffx'] });
  });

  it('gives the same bytes for the same table, so that it has one content address', () => {
    const table = inferTable(
      ['a', 'b'],
      [
        ['1', 'NA', '3'],
        ['x', '', 'y'],
      ],
    );
    const first = tableToArrow(table);
    tableToArrow(inferTable(['z'], [['p']]));
    expect(tableToArrow(table)).toEqual(first);
  });

  it('can be read by any Arrow reader: missing cells are nulls, and no code is outside its dictionary', () => {
    const table = inferTable(
      ['a', 'b'],
      [
        ['1', 'NA', '3'],
        ['x', '', 'y'],
      ],
    );
    const arrow = tableFromIPC(tableToArrow(table));
    expect([...arrow].map((row) => [row?.a, row?.b])).toEqual([
      [1, 'x'],
      [null, null],
      [3, 'y'],
    ]);
    expect([...(arrow.getChild('b')!.data[0]!.values as Int32Array)].slice(0, 3)).toEqual([0, 0, 1]);
  });

  it('reads files of other writers: integers, floats, booleans, strings', () => {
    const arrow = new ArrowTable({
      whole: vectorFromArray([1n, null, 3n], new Int64()),
      single: vectorFromArray([0.5, null, -2], new Float32()),
      flag: vectorFromArray([true, null, false], new Bool()),
      name: vectorFromArray(['b', null, 'a']),
    });
    for (const kind of ['file', 'stream'] as const) {
      const table = tableFromArrow(tableToIPC(arrow, kind));
      expect(columnByName(table, 'whole')).toMatchObject({
        type: 'numeric',
        values: Float64Array.of(1, NaN, 3),
      });
      expect(columnByName(table, 'single')).toMatchObject({
        type: 'numeric',
        values: Float64Array.of(0.5, NaN, -2),
      });
      expect(columnByName(table, 'flag')).toMatchObject({ type: 'boolean', codes: Int32Array.of(1, -1, 0) });
      expect(columnByName(table, 'name')).toMatchObject({
        type: 'categorical',
        codes: Int32Array.of(0, -1, 1),
      });
    }
  });

  it('names the column of an unsupported type', () => {
    const arrow = new ArrowTable({ at: vectorFromArray([new Date(0)], new Timestamp(TimeUnit.MILLISECOND)) });
    expect(() => tableFromArrow(tableToIPC(arrow))).toThrow(/"at"/);
  });

  it('refuses bytes that are no Arrow data', () => {
    expect(() => tableFromArrow(new TextEncoder().encode('species,island\nAdelie,Dream\n'))).toThrow(
      TabularError,
    );
  });

  it('keeps a table without rows', () => {
    const empty = createTable([
      { name: 'n', type: 'numeric', values: new Float64Array(0) },
      { name: 'c', type: 'categorical', codes: new Int32Array(0), categories: ['a'] },
    ]);
    expect(tableFromArrow(tableToArrow(empty))).toEqual(empty);
  });
});
