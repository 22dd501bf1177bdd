import { ColumnType, Row, Task } from '@rookery/proto/rookery/domain/v1/data';
import type { Signature, Value } from '@rookery/proto/rookery/domain/v1/data';
import { describe, expect, it } from 'vitest';

import { createRowReader } from '../src/domain/row-reader.js';

const signature: Signature = {
  features: [
    { name: 'island', type: ColumnType.COLUMN_TYPE_CATEGORICAL, categories: ['Biscoe', 'Dream'] },
    { name: 'mass', type: ColumnType.COLUMN_TYPE_NUMERIC, categories: [] },
    { name: 'tagged', type: ColumnType.COLUMN_TYPE_BOOLEAN, categories: ['false', 'true'] },
  ],
  target: 'species',
  task: Task.TASK_MULTICLASS,
  classes: ['a', 'b'],
  targets: [],
  labelSeparator: '',
  labelThreshold: 0,
  labelThresholds: [],
};
const number = (value: number): Value => ({ kind: { $case: 'number', value } });
const text = (value: string): Value => ({ kind: { $case: 'text', value } });
const flag = (value: boolean): Value => ({ kind: { $case: 'flag', value } });
const missing: Value = { kind: undefined };
const good = { island: text('Dream'), mass: number(4000), tagged: flag(true) };

describe('row reader', () => {
  it('gives the cells in the order of the inputs', () => {
    const reader = createRowReader(signature, ['mass', 'tagged', 'island']);
    expect([...reader.read({ values: good }, 0)]).toEqual([4000, true, 'Dream']);
  });

  it('takes a value without a kind as a missing cell, also over the wire', () => {
    const reader = createRowReader(signature);
    const row = { values: { island: missing, mass: missing, tagged: missing } };
    expect([...reader.read(row, 0)]).toEqual([null, null, null]);
    expect([...reader.read(Row.decode(Row.encode(row).finish()), 0)]).toEqual([null, null, null]);
  });

  it('takes a category that the model does not know, and true and false as text for a flag', () => {
    const reader = createRowReader(signature);
    const row = { values: { ...good, island: text('Atlantis'), tagged: text('false') } };
    expect([...reader.read(row, 0)]).toEqual(['Atlantis', 4000, 'false']);
  });

  const refused: [string, Record<string, Value>, string, string][] = [
    ['a missing feature', { island: text('Dream'), tagged: flag(true) }, 'RK_FEATURE_MISSING', 'mass'],
    ['an extra feature', { ...good, wings: number(2) }, 'RK_FEATURE_UNKNOWN', 'wings'],
    ['a number for a category', { ...good, island: number(3) }, 'RK_FEATURE_TYPE', 'island'],
    ['a flag for a category', { ...good, island: flag(true) }, 'RK_FEATURE_TYPE', 'island'],
    ['text for a number', { ...good, mass: text('4000') }, 'RK_FEATURE_TYPE', 'mass'],
    ['a flag for a number', { ...good, mass: flag(true) }, 'RK_FEATURE_TYPE', 'mass'],
    ['a number for a flag', { ...good, tagged: number(1) }, 'RK_FEATURE_TYPE', 'tagged'],
    ['other text for a flag', { ...good, tagged: text('yes') }, 'RK_FEATURE_TYPE', 'tagged'],
    ['NaN', { ...good, mass: number(NaN) }, 'RK_FEATURE_NOT_FINITE', 'mass'],
    ['+Infinity', { ...good, mass: number(Infinity) }, 'RK_FEATURE_NOT_FINITE', 'mass'],
    ['-Infinity', { ...good, mass: number(-Infinity) }, 'RK_FEATURE_NOT_FINITE', 'mass'],
  ];
  it.each(refused)('refuses %s, naming the row and the feature', (_, values, code, feature) => {
    const reader = createRowReader(signature);
    expect(() => reader.read({ values }, 7)).toThrow(
      expect.objectContaining({
        code,
        details: { row: '7', feature },
        message: expect.stringContaining(feature) as string,
      }),
    );
    expect([...reader.read({ values: good }, 8)]).toEqual(['Dream', 4000, true]);
  });

  it('is not fooled by names that every object has', () => {
    const strange: Signature = {
      ...signature,
      features: [
        { name: 'constructor', type: ColumnType.COLUMN_TYPE_NUMERIC, categories: [] },
        { name: 'kind', type: ColumnType.COLUMN_TYPE_NUMERIC, categories: [] },
      ],
    };
    const reader = createRowReader(strange);
    expect(() => reader.read({ values: { kind: number(1) } }, 0)).toThrow(
      expect.objectContaining({ code: 'RK_FEATURE_MISSING' }),
    );
    const poisoned = Row.decode(
      Row.encode({
        values: Object.fromEntries([
          ['constructor', number(1)],
          ['__proto__', number(2)],
        ]),
      }).finish(),
    );
    expect(() => reader.read(poisoned, 0)).toThrow(expect.objectContaining({ code: 'RK_FEATURE_UNKNOWN' }));
    expect([...reader.read({ values: { constructor: number(1), kind: number(2) } }, 0)]).toEqual([1, 2]);
  });

  it('refuses a signature that does not fit the transformer', () => {
    expect(() => createRowReader(signature, ['mass', 'island'])).toThrow(
      expect.objectContaining({ code: 'RK_MODEL_CORRUPT' }),
    );
    expect(() => createRowReader(signature, ['mass', 'island', 'beak'])).toThrow(
      expect.objectContaining({ code: 'RK_MODEL_CORRUPT' }),
    );
  });
});
