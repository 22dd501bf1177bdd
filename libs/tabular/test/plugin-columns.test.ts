import { describe, expect, it } from 'vitest';

import {
  TabularError,
  createTable,
  rawColumnOf,
  rawColumnsOf,
  rawFeatures,
  readPreprocessing,
  withMadeColumns,
} from '../src/index.js';
import type { Table } from '../src/index.js';

const table: Table = createTable([
  { name: 'x', type: 'numeric', values: Float64Array.of(1, NaN, Infinity) },
  { name: 'flag', type: 'boolean', codes: Int32Array.of(1, 0, -1), categories: ['false', 'true'] },
  { name: 'note', type: 'categorical', codes: Int32Array.of(0, -1, 1), categories: ['a', 'b'] },
]);
const usable = ['x', 'flag', 'note'];

function fieldOf(work: () => unknown): string | undefined {
  try {
    work();
  } catch (error) {
    if (error instanceof TabularError) return error.details['field'];
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('the plug-ins of a preprocessing', () => {
  it('stand beside either form, and get a name where they have none', () => {
    const step = { plugin: 'words', columns: ['note'] };
    const complete = { plugin: 'words', name: 'plugin1', columns: ['note'], keep: false, options: {} };
    expect(readPreprocessing({ plugins: [step] })).toMatchObject({ form: 'short', plugins: [complete] });
    const transformers = [{ name: 'n', columns: ['x'], steps: 'passthrough' }];
    expect(
      readPreprocessing({ plugins: [{ ...step, plugin: { name: 'words' }, keep: true }], transformers }),
    ).toMatchObject({
      form: 'full',
      plugins: [{ ...complete, plugin: { name: 'words' }, keep: true }],
    });
  });

  it.each<[unknown, string]>([
    ['words', 'preprocessing.plugins'],
    [Array(9).fill({ plugin: 'words', columns: ['note'] }), 'preprocessing.plugins'],
    [['words'], 'preprocessing.plugins[0]'],
    [[{ columns: ['note'] }], 'preprocessing.plugins[0].plugin'],
    [[{ plugin: 'words' }], 'preprocessing.plugins[0].columns'],
    [[{ plugin: 'words', columns: [] }], 'preprocessing.plugins[0].columns'],
    [[{ plugin: 'words', columns: ['note'], column: 1 }], 'preprocessing.plugins[0].column'],
    [[{ plugin: 'words', columns: ['note'], keep: 1 }], 'preprocessing.plugins[0].keep'],
    [[{ plugin: 'words', columns: ['note'], name: 'a__b' }], 'preprocessing.plugins[0].name'],
    [
      [
        { plugin: 'words', columns: ['note'], name: 'w' },
        { plugin: 'words', columns: ['x'], name: 'w' },
      ],
      'preprocessing.plugins[1].name',
    ],
  ])('are refused by the name of the field: %j', (plugins, field) => {
    expect(fieldOf(() => readPreprocessing({ plugins }))).toBe(field);
  });

  it('take their columns from the other steps, unless these keep them', () => {
    const of = (keep: boolean) =>
      rawFeatures(
        readPreprocessing({ plugins: [{ plugin: 'words', columns: ['note', 'x'], keep }] })!,
        table,
        usable,
      );
    expect(of(false)).toMatchObject({ read: ['x', 'flag', 'note'], plain: ['flag'] });
    expect(of(true)).toMatchObject({ read: ['x', 'flag', 'note'], plain: ['x', 'flag', 'note'] });
  });

  it('are enough: the other columns may all be dropped, and what names their numbers is known later', () => {
    const spec = readPreprocessing({
      plugins: [{ plugin: 'words', name: 'w', columns: ['note'] }],
      numeric: 'drop',
      boolean: 'drop',
      columns: { w__penguin: 'passthrough' },
    })!;
    expect(rawFeatures(spec, table, usable)).toMatchObject({
      read: ['note'],
      plain: ['x', 'flag'],
      branches: [],
    });
  });

  it('name columns that there are, and so do the other steps', () => {
    const spec = (given: Record<string, unknown>) => () =>
      rawFeatures(
        readPreprocessing({ plugins: [{ plugin: 'words', name: 'w', columns: ['note'] }], ...given })!,
        table,
        usable,
      );
    expect(fieldOf(spec({ plugins: [{ plugin: 'words', columns: ['x', 'notes'] }] }))).toBe(
      'preprocessing.plugins[0].columns[1]',
    );
    expect(fieldOf(spec({ columns: { v__penguin: 'drop' } }))).toBe('preprocessing.columns.v__penguin');
    // Taken by the plug-in: no other step can have it.
    expect(fieldOf(spec({ columns: { note: 'drop' } }))).toBe('preprocessing.columns.note');
  });
});

describe('the cells that a plug-in gets', () => {
  const expected = [
    { name: 'x', type: 'numeric', values: Float64Array.of(NaN, NaN, 1) },
    { name: 'flag', type: 'boolean', values: [null, false, true] },
    { name: 'note', type: 'categorical', values: ['b', null, 'a'] },
  ];

  it('are those of the rows in their order; what is not finite is missing', () => {
    expect(rawColumnsOf(table, usable, [2, 1, 0])).toEqual(expected);
  });

  it('are the same for the rows of a request', () => {
    expect([
      rawColumnOf('x', 'numeric', [null, Infinity, 1]),
      rawColumnOf('flag', 'boolean', [null, 'false', true]),
      rawColumnOf('note', 'categorical', ['b', null, 'a']),
    ]).toEqual(expected);
  });
});

describe('the numbers that a plug-in made', () => {
  it('are a column of the table in their rows, and missing in the others', () => {
    const made = withMadeColumns(table, [{ name: 'w__a', values: Float64Array.of(7, 8) }], [2, 0]);
    expect(made.columns.at(-1)).toEqual({
      name: 'w__a',
      type: 'numeric',
      values: Float64Array.of(8, NaN, 7),
    });
    expect(withMadeColumns(table, [], [0])).toBe(table);
  });

  it('do not take the name of a column that is there', () => {
    expect(() => withMadeColumns(table, [{ name: 'x', values: new Float64Array(3) }], [0, 1, 2])).toThrow(
      'Two columns',
    );
  });
});
