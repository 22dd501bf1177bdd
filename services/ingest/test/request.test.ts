import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';
import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { DEFAULT_MISSING_TOKENS, metricDirections } from '@rookery/tabular';
import { describe, expect, test } from 'vitest';

import { checkCategories } from '../src/domain/check-categories.js';
import { checkTable } from '../src/domain/check-table.js';
import { readCsv } from '../src/domain/csv/read-csv.js';
import { gateMetrics } from '../src/domain/gate-metrics.js';
import { checkRequest, datasetKey } from '../src/domain/training-request.js';
import { bytesOf, catsCsv, readOptions, readyOf } from './fixtures.js';

const gate = (metric: string, threshold?: number): DatasetReady['gate'] => ({
  metric,
  threshold,
  allowWorseThanChampion: false,
});

const split = (kind: string): NonNullable<DatasetReady['split']> => ({ kind, group: '', time: '' });

describe('what an event asks for', () => {
  test('only name, uri and target are needed', () => {
    expect(checkRequest(readyOf())).toEqual({
      name: 'cats',
      uri: 'file:///cats.csv',
      target: 'kind',
      targets: ['kind'],
      labelSets: { asked: false, columns: false, separator: '|', threshold: undefined },
      labelColumn: { name: 'kind', text: false },
      format: undefined,
      sha256: undefined,
      columnTypes: {},
      missingTokens: DEFAULT_MISSING_TOKENS,
      ignore: new Set(),
      task: undefined,
      folds: 5,
      stratify: true,
      gateMetric: undefined,
      preprocessing: undefined,
      split: undefined,
      classWeight: undefined,
      sampleWeight: undefined,
      reserved: new Set(),
    });
  });

  test.each<[string, Partial<DatasetReady>, string, string]>([
    ['no name', { name: '' }, 'RK_MESSAGE_MISSING_FIELD', 'name'],
    ['no uri', { uri: ' ' }, 'RK_MESSAGE_MISSING_FIELD', 'uri'],
    ['no target', { target: '' }, 'RK_MESSAGE_MISSING_FIELD', 'target'],
    ['a name with a dot', { name: 'a.b' }, 'RK_KEY_INVALID', 'name'],
    ['a name with a space', { name: 'a b' }, 'RK_KEY_INVALID', 'name'],
    ['a name that is too long', { name: 'a'.repeat(65) }, 'RK_KEY_INVALID', 'name'],
    ['a model with a wildcard', { model: 'm.*' }, 'RK_KEY_INVALID', 'model'],
    ['an unknown format', { format: 'xlsx' }, 'RK_DATASET_FORMAT', 'format'],
    ['a sha256 that is none', { sha256: 'abc' }, 'RK_REQUEST_INVALID', 'sha256'],
    ['the target ignored', { ignore: ['kind'] }, 'RK_REQUEST_INVALID', 'ignore'],
    [
      'the target as text',
      { columnTypes: { kind: ColumnType.COLUMN_TYPE_TEXT } },
      'RK_DATASET_TARGET_TYPE',
      'column_types',
    ],
    ['one fold', { folds: 1 }, 'RK_FOLDS_INVALID', 'folds'],
    ['no epochs', { epochs: 0 }, 'RK_SPEC_INVALID', 'epochs'],
    ['too many epochs', { epochs: 100_001 }, 'RK_SPEC_INVALID', 'epochs'],
    ['no batch size', { batchSize: 0 }, 'RK_SPEC_INVALID', 'batch_size'],
    ['a learning rate of 0', { learningRate: 0 }, 'RK_SPEC_INVALID', 'learning_rate'],
    ['a learning rate that is no number', { learningRate: NaN }, 'RK_SPEC_INVALID', 'learning_rate'],
    ['a gate on no metric', { gate: gate('goodness') }, 'RK_GATE_INVALID', 'gate.metric'],
    [
      'a gate on a metric of another task',
      { task: Task.TASK_REGRESSION, gate: gate('accuracy') },
      'RK_GATE_INVALID',
      'gate.metric',
    ],
    [
      'a gate on a class of a regression',
      { task: Task.TASK_REGRESSION, gate: gate('recall_of_x') },
      'RK_GATE_INVALID',
      'gate.metric',
    ],
    [
      'a preprocessing step that does not exist',
      { preprocessing: { numeric: { scaler: 'huge' } } },
      'RK_PREPROCESSING_INVALID',
      'preprocessing.numeric.scaler',
    ],
    ['a split of an unknown kind', { split: split('random') }, 'RK_SPLIT_INVALID', 'split.kind'],
    ['a group split without a group', { split: split('group') }, 'RK_SPLIT_INVALID', 'split.group'],
    [
      'a group for folds that have none',
      { split: { ...split('kfold'), group: 'litter' } },
      'RK_SPLIT_INVALID',
      'split.group',
    ],
    [
      'endless repetitions',
      { split: { ...split('repeated_kfold'), repeats: 9999 } },
      'RK_SPLIT_INVALID',
      'split.repeats',
    ],
    ['class weights of a word', { classWeight: 'heavy' }, 'RK_WEIGHTS_INVALID', 'class_weight'],
    ['a negative class weight', { classWeight: { tabby: -1 } }, 'RK_WEIGHTS_INVALID', 'class_weight.tabby'],
    ['a target that weighs rows', { sampleWeight: 'kind' }, 'RK_REQUEST_INVALID', 'target'],
    ['a gate at infinity', { gate: gate('accuracy', Infinity) }, 'RK_GATE_INVALID', 'gate.threshold'],
  ])('%s is refused by name', (_, changes, code, field) => {
    expect(() => checkRequest(readyOf(changes))).toThrow(
      expect.objectContaining({ code, details: expect.objectContaining({ field }) }),
    );
  });

  test('every metric that tabular measures belongs to a task', () => {
    expect(new Set(Object.values(gateMetrics).flat())).toEqual(new Set(Object.keys(metricDirections)));
  });

  test('a name that can not be a key is announced as unnamed', () => {
    expect([datasetKey('cats'), datasetKey('a.b'), datasetKey('')]).toEqual(['cats', 'unnamed', 'unnamed']);
  });
});

describe('request and table together', () => {
  const check = async (csv: string, changes: Partial<DatasetReady> = {}): Promise<unknown> => {
    const request = checkRequest(readyOf(changes));
    const { table } = await readCsv(bytesOf(csv), readOptions(request));
    return checkTable(table, request);
  };

  test('task and features follow from the table', async () => {
    await expect(check(catsCsv)).resolves.toEqual({ task: 'binary', features: ['weight', 'colour'] });
    await expect(check(catsCsv, { target: 'weight' })).resolves.toEqual({
      task: 'regression',
      features: ['kind', 'colour'],
    });
    await expect(check(catsCsv, { ignore: ['colour'] })).resolves.toMatchObject({ features: ['weight'] });
    await expect(check(catsCsv, { sampleWeight: 'weight' })).resolves.toMatchObject({ features: ['colour'] });
    await expect(check(catsCsv, { split: { ...split('group'), group: 'colour' } })).resolves.toMatchObject({
      features: ['weight'],
    });
    await expect(check(catsCsv, { preprocessing: { columns: { colour: 'drop' } } })).resolves.toMatchObject({
      features: ['weight'],
    });
    await expect(check(catsCsv, { gate: gate('recall_of_a') })).resolves.toMatchObject({ task: 'binary' });
  });

  const rows = (...cells: string[]): string => ['kind,x', ...cells].join('\n');
  const many = (cell: (i: number) => string, n = 12): string =>
    rows(...Array.from({ length: n }, (_, i) => cell(i)));

  test.each<[string, string, Partial<DatasetReady>, string, Record<string, string>]>([
    [
      'a group that is no column',
      catsCsv,
      { split: { ...split('group'), group: 'litter' } },
      'RK_SPLIT_INVALID',
      { field: 'split.group', column: 'litter' },
    ],
    [
      'sample weights that are words',
      catsCsv,
      { sampleWeight: 'colour' },
      'RK_WEIGHTS_INVALID',
      { field: 'sample_weight', column: 'colour' },
    ],
    [
      'class weights of a class that is not there',
      catsCsv,
      { classWeight: { tiger: 2 } },
      'RK_WEIGHTS_INVALID',
      { field: 'class_weight.tiger' },
    ],
    [
      'the mean of words',
      catsCsv,
      { preprocessing: { categorical: { imputer: 'mean' } } },
      'RK_PREPROCESSING_INVALID',
      { field: 'preprocessing.categorical', column: 'colour' },
    ],
    [
      'preprocessing of the target',
      catsCsv,
      { preprocessing: { columns: { kind: 'drop' } } },
      'RK_PREPROCESSING_INVALID',
      { field: 'preprocessing.columns.kind' },
    ],
    [
      'a gate on a class that is not there',
      catsCsv,
      { gate: gate('recall_of_tiger') },
      'RK_GATE_INVALID',
      { field: 'gate.metric', value: 'recall_of_tiger' },
    ],
    [
      'an unknown target',
      catsCsv,
      { target: 'Kind' },
      'RK_DATASET_TARGET_MISSING',
      { value: 'Kind', columns: 'kind, weight, colour' },
    ],
    [
      'a constant target',
      many((i) => `a,${i}`),
      {},
      'RK_DATASET_TARGET_CONSTANT',
      { column: 'kind', value: 'a', rows: '12' },
    ],
    [
      'missing target values',
      rows('a,1', ',2', 'b,3', 'NA,4'),
      {},
      'RK_DATASET_TARGET_NULL',
      { missing: '2', row: '2' },
    ],
    [
      'an all-missing feature',
      many((i) => `${i % 2},NA`),
      {},
      'RK_DATASET_COLUMN_EMPTY',
      { column: 'x', rows: '12' },
    ],
    [
      'no feature but text',
      many((i) => `${i % 2},t`),
      { columnTypes: { x: ColumnType.COLUMN_TYPE_TEXT } },
      'RK_DATASET_NO_FEATURES',
      { target: 'kind' },
    ],
    [
      'no feature but ignored ones',
      many((i) => `${i % 2},t`),
      { ignore: ['x'] },
      'RK_DATASET_NO_FEATURES',
      { target: 'kind' },
    ],
    [
      'more folds than rows',
      rows('a,1', 'b,2', 'a,3', 'b,4'),
      { stratify: false },
      'RK_FOLDS_INVALID',
      { folds: '5', rows: '4' },
    ],
    [
      'more folds than rows of a class',
      many((i) => `${i < 3 ? 'few' : 'many'},${i}`),
      {},
      'RK_FOLDS_INVALID',
      { folds: '5', class: 'few', rows: '3' },
    ],
    [
      'more folds than rows of a numeric class',
      many((i) => `${i < 3 ? 7 : 8},${i}`),
      {},
      'RK_FOLDS_INVALID',
      { class: '7', rows: '3' },
    ],
    [
      'a regression of words',
      catsCsv,
      { task: Task.TASK_REGRESSION },
      'RK_DATASET_TARGET_TYPE',
      { column: 'kind', task: 'regression' },
    ],
    [
      'three classes as binary',
      many((i) => `${i % 3},${i}`),
      { task: Task.TASK_BINARY, folds: 2 },
      'RK_DATASET_TARGET_TYPE',
      { task: 'binary' },
    ],
    [
      'endless classes',
      many((i) => `${i}.5,${i}`, 1001),
      { task: Task.TASK_MULTICLASS, folds: 2 },
      'RK_DATASET_TARGET_TYPE',
      { task: 'multiclass' },
    ],
    [
      'a gate that does not fit the inferred task',
      catsCsv,
      { gate: gate('rmse') },
      'RK_GATE_INVALID',
      { field: 'gate.metric', value: 'rmse' },
    ],
  ])('%s is refused by name', async (_, csv, changes, code, details) => {
    await expect(check(csv, changes)).rejects.toMatchObject({ code, details });
  });

  test('unstratified folds may be more than the rows of a class', async () => {
    const csv = many((i) => `${i < 3 ? 'few' : 'many'},${i}`);
    await expect(check(csv, { stratify: false })).resolves.toMatchObject({ task: 'binary' });
  });

  test('a feature of endless texts is refused, as text it is not', () => {
    const categories = Array.from({ length: 10_001 }, (_, i) => `id${i}`);
    const schema = [{ name: 'id', type: 'categorical' as const, categories, missing: 0 }];
    expect(() => checkCategories(schema, new Set(['id']))).toThrow(
      expect.objectContaining({ code: 'RK_DATASET_TOO_MANY_CATEGORIES' }),
    );
    expect(checkCategories(schema, new Set())).toEqual([{ ...schema[0], categories: [] }]);
  });
});
