import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { createTable } from '@rookery/tabular';
import { Table as ArrowTable, tableToIPC, vectorFromArray } from 'apache-arrow';
import { Field, List, Utf8 } from 'apache-arrow';
import { describe, expect, test } from 'vitest';

import { checkTable } from '../src/domain/check-table.js';
import { readCsv } from '../src/domain/csv/read-csv.js';
import { readArrow } from '../src/domain/formats/read-arrow.js';
import { readJsonLines } from '../src/domain/formats/read-json-lines.js';
import { checkRequest } from '../src/domain/training-request.js';
import { bytesOf, readOptions, readyOf } from './fixtures.js';

type Changes = Partial<DatasetReady>;

const columnsOf = (changes: Changes = {}): Changes => ({ target: '', targets: ['a', 'b'], ...changes });
const setsOf = (changes: Changes = {}): Changes => ({
  target: 'tags',
  task: Task.TASK_MULTILABEL,
  ...changes,
});

const check = async (csv: string, changes: Changes): Promise<unknown> => {
  const request = checkRequest(readyOf(changes));
  const { table, dropped } = await readCsv(bytesOf(csv), readOptions(request));
  return checkTable(table, request, dropped);
};

/** x, and a column of 0 and 1 for each label. */
const flags = (change: (line: string, row: number) => string = (line) => line): string =>
  [
    'x,a,b,g',
    ...Array.from({ length: 12 }, (_, i) => change(`${i},${i % 2},${i % 3 ? 'true' : 'FALSE'},g${i % 4}`, i)),
  ].join('\n');

const someSets = ['red|big', 'red', '|', 'big'];

/** x, and a column of sets of labels. */
const sets = (cells: readonly string[] = someSets): string =>
  ['x,tags', ...Array.from({ length: 12 }, (_, i) => `${i},${cells[i % cells.length]}`)].join('\n');

describe('an event that asks for sets of labels', () => {
  test.each<[string, Changes, string, string]>([
    ['target and targets', { targets: ['a', 'b'] }, 'RK_REQUEST_INVALID', 'targets'],
    ['one target among targets', columnsOf({ targets: ['a'] }), 'RK_REQUEST_INVALID', 'targets'],
    ['a target twice', columnsOf({ targets: ['a', 'b', 'a'] }), 'RK_REQUEST_INVALID', 'targets'],
    ['a target without a name', columnsOf({ targets: ['a', ' '] }), 'RK_REQUEST_INVALID', 'targets'],
    ['targets of another task', columnsOf({ task: Task.TASK_BINARY }), 'RK_REQUEST_INVALID', 'task'],
    [
      'a separator of another task',
      { labelSeparator: ';', task: Task.TASK_MULTICLASS },
      'RK_REQUEST_INVALID',
      'task',
    ],
    [
      'a threshold of another task',
      { labelThreshold: 0.4, task: Task.TASK_REGRESSION },
      'RK_REQUEST_INVALID',
      'task',
    ],
    ['an endless separator', { labelSeparator: '-'.repeat(17) }, 'RK_REQUEST_INVALID', 'label_separator'],
    ['a threshold of 0', setsOf({ labelThreshold: 0 }), 'RK_REQUEST_INVALID', 'label_threshold'],
    ['a threshold of 1', setsOf({ labelThreshold: 1 }), 'RK_REQUEST_INVALID', 'label_threshold'],
    [
      'a threshold that is no number',
      setsOf({ labelThreshold: NaN }),
      'RK_REQUEST_INVALID',
      'label_threshold',
    ],
    [
      'a threshold of one label that is no share',
      setsOf({ labelThreshold: { red: 0.4, big: 1 } }),
      'RK_REQUEST_INVALID',
      'label_threshold.big',
    ],
    ['thresholds of no label', setsOf({ labelThreshold: {} }), 'RK_REQUEST_INVALID', 'label_threshold'],
    ['a list of thresholds', setsOf({ labelThreshold: [0.1] }), 'RK_REQUEST_INVALID', 'label_threshold'],
    ['another word than tuned', setsOf({ labelThreshold: 'best' }), 'RK_REQUEST_INVALID', 'label_threshold'],
    [
      'tuned thresholds of another task',
      { labelThreshold: 'tuned', task: Task.TASK_BINARY },
      'RK_REQUEST_INVALID',
      'task',
    ],
    ['a target that is ignored', columnsOf({ ignore: ['b'] }), 'RK_REQUEST_INVALID', 'ignore'],
    ['a target that weighs the rows', columnsOf({ sampleWeight: 'b' }), 'RK_REQUEST_INVALID', 'targets'],
    [
      'sets that are numbers',
      setsOf({ columnTypes: { tags: ColumnType.COLUMN_TYPE_NUMERIC } }),
      'RK_DATASET_TARGET_TYPE',
      'column_types',
    ],
    [
      'a label column that is text',
      columnsOf({ columnTypes: { a: ColumnType.COLUMN_TYPE_TEXT } }),
      'RK_DATASET_TARGET_TYPE',
      'column_types',
    ],
    [
      'a gate of another task',
      setsOf({ gate: { metric: 'accuracy', threshold: undefined, allowWorseThanChampion: false } }),
      'RK_GATE_INVALID',
      'gate.metric',
    ],
    ['neither target nor targets', { target: '' }, 'RK_MESSAGE_MISSING_FIELD', 'target'],
  ])('with %s is refused, naming the field', (_, changes, code, field) => {
    expect(() => checkRequest(readyOf(changes))).toThrow(
      expect.objectContaining({ code, details: expect.objectContaining({ field }) }),
    );
  });
});

describe('a table with sets of labels', () => {
  test('is multi-label by its targets, its separator, or its task; labels are no features', async () => {
    await expect(check(flags(), columnsOf())).resolves.toEqual({ task: 'multilabel', features: ['x', 'g'] });
    await expect(check(sets(), setsOf())).resolves.toEqual({ task: 'multilabel', features: ['x'] });
    const semicolons = sets(someSets.map((cell) => cell.replace('|', ';')));
    await expect(check(semicolons, { target: 'tags', labelSeparator: ';' })).resolves.toMatchObject({
      task: 'multilabel',
    });
    await expect(
      check(sets(['"[""red"",""big""]"', '[]', '"[""big""]"']), { target: 'tags' }),
    ).resolves.toMatchObject({
      task: 'multilabel',
    });
    const gate = { metric: 'roc_auc_of_red', threshold: undefined, allowWorseThanChampion: false };
    await expect(check(sets(), setsOf({ gate }))).resolves.toMatchObject({ task: 'multilabel' });
  });

  test('may have a threshold for each label, or tuned ones where folds judge each other', async () => {
    for (const labelThreshold of [{ red: 0.3 }, { red: 0.3, big: 0.9 }, 'tuned'])
      await expect(check(sets(), setsOf({ labelThreshold }))).resolves.toMatchObject({ task: 'multilabel' });
    await expect(check(sets(), setsOf({ labelThreshold: { green: 0.3 } }))).rejects.toMatchObject({
      code: 'RK_REQUEST_INVALID',
      message: expect.stringContaining('big, red') as string,
      details: { field: 'label_threshold.green' },
    });
    const split = {
      kind: 'hold_out',
      group: '',
      time: '',
      repeats: undefined,
      testSize: 0.5,
      gap: undefined,
    };
    await expect(check(sets(), setsOf({ labelThreshold: 'tuned', split }))).rejects.toMatchObject({
      code: 'RK_SPLIT_INVALID',
      details: { field: 'split.kind' },
    });
    await expect(check(sets(), setsOf({ split }))).resolves.toMatchObject({ task: 'multilabel' });
  });

  test('is refused with a message that no name of a label fills', async () => {
    const labelThreshold = { ['x'.repeat(100_000)]: 0.3 };
    const refusal = check(sets(['y'.repeat(5000), 'red', 'big']), setsOf({ labelThreshold }));
    await expect(refusal).rejects.toMatchObject({
      code: 'RK_REQUEST_INVALID',
      message: expect.stringMatching(/^.{1,400}$/) as string,
    });
  });

  test('of labels that look like numbers keeps them apart', async () => {
    await expect(check(sets(['1', '2', '3']), setsOf())).resolves.toMatchObject({ task: 'multilabel' });
  });

  test.each<[string, string, Changes, string, Record<string, unknown>]>([
    [
      'an unknown column',
      flags(),
      columnsOf({ targets: ['a', 'c'] }),
      'RK_DATASET_TARGET_MISSING',
      { value: 'c' },
    ],
    [
      'a column of 0, 1 and 2',
      flags((line, i) => (i === 4 ? '4,2,true,g0' : line)),
      columnsOf(),
      'RK_DATASET_TARGET_TYPE',
      { column: 'a', row: '5', value: '2' },
    ],
    [
      'a column of words',
      flags(),
      columnsOf({ targets: ['a', 'g'] }),
      'RK_DATASET_TARGET_TYPE',
      { column: 'g', row: '1', value: 'g0' },
    ],
    [
      'missing flags',
      flags((line, i) => (i < 3 ? `${i},,true,g0` : line)),
      columnsOf(),
      'RK_DATASET_TARGET_NULL',
      { column: 'a', missing: '3', row: '1' },
    ],
    [
      'a label that no row has',
      flags((line) => line.replace(/,[01],/, ',0,')),
      columnsOf(),
      'RK_DATASET_TARGET_CONSTANT',
      { label: 'a', present: '0' },
    ],
    [
      'a label that every row has',
      flags((line) => line.replace(/,[01],/, ',1,')),
      columnsOf(),
      'RK_DATASET_TARGET_CONSTANT',
      { label: 'a', present: '12' },
    ],
    [
      'missing sets',
      sets(['red|big', 'red', '']),
      setsOf(),
      'RK_DATASET_TARGET_NULL',
      { column: 'tags', missing: '4', row: '3' },
    ],
    [
      'a set with an empty label',
      sets(['red', 'red||big']),
      setsOf(),
      'RK_DATASET_TARGET_TYPE',
      { column: 'tags', row: '2', value: 'red||big' },
    ],
    ['one label in all', sets(['red', '|']), setsOf(), 'RK_DATASET_TARGET_CONSTANT', { labels: '1' }],
    ['no label in any row', sets(['|']), setsOf(), 'RK_DATASET_TARGET_CONSTANT', { labels: '0' }],
    [
      'more labels than there may be',
      ['x,tags', ...Array.from({ length: 1001 }, (_, i) => `${i},l${i}`)].join('\n'),
      setsOf(),
      'RK_DATASET_TARGET_TYPE',
      { column: 'tags' },
    ],
    [
      'weights of classes',
      flags(),
      columnsOf({ classWeight: 'balanced' }),
      'RK_WEIGHTS_INVALID',
      { field: 'class_weight' },
    ],
    [
      'folds that need classes',
      flags(),
      columnsOf({ split: { kind: 'stratified_group', group: 'g', time: '' } }),
      'RK_SPLIT_INVALID',
      { field: 'split.kind' },
    ],
    [
      'more folds than rows',
      flags(),
      columnsOf({ folds: 13 }),
      'RK_FOLDS_INVALID',
      { folds: '13', rows: '12' },
    ],
    [
      'a target as a feature',
      flags(),
      columnsOf({ preprocessing: { columns: { a: 'drop' } } }),
      'RK_PREPROCESSING_INVALID',
      { field: 'preprocessing.columns.a' },
    ],
    [
      'features encoded by the target',
      flags(),
      columnsOf({ preprocessing: { columns: { g: { encoder: 'target' } } } }),
      'RK_PREPROCESSING_INVALID',
      {},
    ],
    [
      'a gate on a label that is none',
      sets(),
      setsOf({ gate: { metric: 'f1_of_blue', threshold: undefined, allowWorseThanChampion: false } }),
      'RK_GATE_INVALID',
      { field: 'gate.metric' },
    ],
    [
      'a threshold without sets',
      sets(['red', 'blue']),
      { target: 'tags', labelThreshold: 0.4 },
      'RK_REQUEST_INVALID',
      { field: 'label_threshold', task: 'binary' },
    ],
  ])('with %s is refused, naming the fault', async (_, csv, changes, code, details) => {
    await expect(check(csv, changes)).rejects.toMatchObject({ code, details });
  });
});

test('a small file whose rows × labels would take endless memory is refused before any is taken', () => {
  const rows = 200_000;
  const categories = Array.from({ length: 600 }, (_, i) => `l${i}`);
  const table = createTable([
    { name: 'x', type: 'numeric', values: new Float64Array(rows) },
    {
      name: 'tags',
      type: 'text',
      categories,
      codes: Int32Array.from({ length: rows }, (_, row) => row % 600),
    },
  ]);
  expect(() => checkTable(table, checkRequest(readyOf(setsOf())))).toThrow(
    expect.objectContaining({
      code: 'RK_DATASET_TOO_LARGE',
      details: expect.objectContaining({ labels: '600' }),
    }),
  );
});

describe('lists of labels', () => {
  const jsonLines = [
    '{"x":1,"tags":["red","big|round"]}',
    '{"x":2,"tags":[]}',
    '{"x":3,"tags":["red",7]}',
    '{"x":4,"tags":"big|round"}',
  ];

  test('in JSON Lines are sets where the target may be sets', async () => {
    const request = checkRequest(readyOf({ target: 'tags', folds: 2 }));
    const { table } = await readJsonLines(bytesOf(jsonLines.slice(0, 3).join('\n')), readOptions(request));
    expect(table.columns[1]).toMatchObject({ categories: ['["red","7"]', '["red","big|round"]', '[]'] });
    const more = checkRequest(readyOf(setsOf({ folds: 2 })));
    const read = await readJsonLines(bytesOf(jsonLines.join('\n')), readOptions(more));
    expect(read.table.columns[1]?.type).toBe('text');
    expect(checkTable(read.table, more)).toMatchObject({ task: 'multilabel' });
  });

  test.each<[string, string, Changes, string]>([
    ['in another column', '{"x":[1],"tags":["a"]}', setsOf(), 'x'],
    ['of another task', '{"x":1,"tags":["a"]}', { target: 'tags', task: Task.TASK_MULTICLASS }, 'tags'],
    ['that hold lists', '{"x":1,"tags":[["a"]]}', setsOf(), 'tags'],
    ['that hold null', '{"x":1,"tags":[null]}', setsOf(), 'tags'],
  ])('%s are refused as before', async (_, line, changes, column) => {
    const request = checkRequest(readyOf(changes));
    await expect(readJsonLines(bytesOf(line), readOptions(request))).rejects.toMatchObject({
      code: 'RK_DATASET_MALFORMED',
      details: { column },
    });
  });

  test('in an Arrow column are sets, a missing one a missing cell', async () => {
    const list = new List(new Field('item', new Utf8(), true));
    const arrow = new ArrowTable({
      x: vectorFromArray(Float64Array.of(1, 2, 3)),
      tags: vectorFromArray([['red', 'big'], [], null], list),
    });
    const request = checkRequest(readyOf({ target: 'tags' }));
    const { table } = await readArrow(tableToIPC(arrow, 'stream'), readOptions(request));
    const tags = table.columns[1]!;
    expect(tags).toMatchObject({ categories: ['["red","big"]', '[]'] });
    expect(tags.type === 'numeric' ? [] : [...tags.codes]).toEqual([0, 1, -1]);
    expect(() => checkTable(table, request)).toThrow(
      expect.objectContaining({ code: 'RK_DATASET_TARGET_NULL' }),
    );
    const other = checkRequest(readyOf({ target: 'x' }));
    await expect(readArrow(tableToIPC(arrow, 'stream'), readOptions(other))).rejects.toMatchObject({
      code: 'RK_DATASET_COLUMN_TYPE',
      details: { column: 'tags' },
    });
  });
});
