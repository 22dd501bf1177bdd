import { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import { ColumnType, Signature } from '@rookery/proto/rookery/domain/v1/data';
import { columnByName, createTable, fitTarget } from '@rookery/tabular';
import type { TargetEncoder } from '@rookery/tabular';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { completeEvaluation } from '../src/domain/evaluation.js';
import type { FoldResult } from '../src/domain/evaluation.js';
import { exampleRow, exampleRowNumbers } from '../src/domain/example-rows.js';
import { heldOutQuality } from '../src/domain/fold-metrics.js';
import { gateVerdict } from '../src/domain/gate-verdict.js';
import { referenceProfile } from '../src/domain/reference-profile.js';
import { measurements } from './fixtures.js';

const result = (fold: number): FoldResult => ({
  fold,
  rows: 1,
  metrics: {},
  confusion: [],
  trainedSha256: '',
  outputsSha256: '',
});

describe('an evaluation', () => {
  test('is complete exactly when the plan, each of its folds and the final model are in', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 6 }),
        fc.nat(63),
        fc.boolean(),
        fc.boolean(),
        (folds, mask, plan, final) => {
          const here = Array.from({ length: 6 }, (_, fold) => fold).filter((fold) => (mask >> fold) & 1);
          const complete = completeEvaluation({
            ...(plan ? { plan: RunStarted.fromPartial({ folds }) } : {}),
            ...(final ? { final: FoldTrained.create() } : {}),
            folds: Object.fromEntries(here.map((fold) => [String(fold), result(fold)])),
          });
          const all =
            plan &&
            final &&
            Array.from({ length: folds }, (_, fold) => fold).every((fold) => here.includes(fold));
          expect(complete !== undefined).toBe(all);
          if (complete) expect(complete.folds.map(({ fold }) => fold)).toEqual([...complete.folds.keys()]);
        },
      ),
    );
  });
});

describe('a gate', () => {
  const gate = (metric: string, threshold?: number) => ({ metric, threshold, allowWorseThanChampion: false });
  test.each([
    ['accuracy', 0.7, 0.7, true],
    ['accuracy', 0.7, 0.6999, false],
    ['rmse', 2, 2, true],
    ['rmse', 2, 2.0001, false],
    ['accuracy', undefined, 0, true],
  ])('on %s with threshold %s takes a mean of %s: %s', (metric, threshold, mean, passed) => {
    const verdict = gateVerdict(gate(metric, threshold), { [metric]: { mean, std: 0.01 } });
    expect(verdict).toMatchObject({ passed, metric, value: mean });
    expect(verdict.reasons[0]).toContain(mean.toFixed(4));
  });

  test.each([
    ['is missing', {}],
    ['is no number', { r2: { mean: NaN, std: 0 } }],
    ['is infinite', { r2: { mean: Infinity, std: 0 } }],
  ])('fails where its metric %s, and lists what there is', (_, metrics) => {
    const verdict = gateVerdict(gate('r2'), { mae: { mean: 1, std: 0 }, ...metrics });
    expect(verdict).toMatchObject({ passed: false, value: 0 });
    expect(verdict.reasons[0]).toContain('mae');
  });
});

describe('held-out metrics', () => {
  test('of a single row leave out what is undefined for one row', () => {
    const table = measurements(20);
    const target = columnByName(table, 'sum');
    const encoder = fitTarget(target, [0, 1, 2], 'regression');
    const { rows, metrics } = heldOutQuality(table, encoder, Uint32Array.of(3), Float32Array.of(1));
    expect(rows).toBe(1);
    expect(metrics).toHaveProperty('rmse');
    expect(metrics).not.toHaveProperty('r2');
  });

  test('are finite whatever the network gives', () => {
    const table = measurements(20);
    const encoder = fitTarget(columnByName(table, 'sum'), [0, 1, 2], 'regression');
    const outputs = fc.float32Array({ minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(outputs, (values) => {
        const { metrics } = heldOutQuality(table, encoder, Uint32Array.of(3, 4, 5), values);
        expect(Object.values(metrics).every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test('of a class that the held-out rows lack count every row in the confusion matrix', () => {
    const table = measurements(20);
    const target = columnByName(table, 'size');
    const encoder = fitTarget(target, [0, 1, 2], 'multiclass', { labels: ['large', 'medium', 'small'] });
    const outputs = Float32Array.of(0.2, 0.5, 0.3, 0.1, 0.1, 0.8);
    const { confusion, metrics } = heldOutQuality(table, encoder, Uint32Array.of(3, 4), outputs);
    expect(confusion.flat().reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(Object.values(metrics).every(Number.isFinite)).toBe(true);
  });
});

describe('example rows', () => {
  const signature = Signature.fromPartial({ features: [{ name: 'x' }, { name: 'place' }] });

  test('are whole ones, the first of the table first, and one with a gap', () => {
    const table = measurements(30);
    const rows = exampleRowNumbers(table, signature, 4);
    expect(rows).toEqual([1, 2, 3, 0]);
    expect(exampleRow(table, signature, 0).values['x']).toEqual({ kind: undefined });
    expect(exampleRow(table, signature, 1).values['place']).toEqual({ kind: { $case: 'text', value: 'c' } });
  });

  test('are those with gaps where there is no whole one', () => {
    const table = createTable([
      { name: 'x', type: 'numeric', values: Float64Array.of(NaN, NaN) },
      { name: 'place', type: 'categorical', codes: Int32Array.of(0, 0), categories: ['a'] },
    ]);
    expect(exampleRowNumbers(table, signature, 8)).toEqual([0, 1]);
  });

  test('hold no infinite number: a request with one would be refused', () => {
    const table = createTable([
      { name: 'x', type: 'numeric', values: Float64Array.of(Infinity) },
      { name: 'place', type: 'categorical', codes: Int32Array.of(0), categories: ['a'] },
    ]);
    expect(exampleRow(table, signature, 0).values['x']).toEqual({ kind: undefined });
  });
});

describe('a reference profile', () => {
  const profileOf = (target: string, classes: string[], outputs: Float32Array[]) => {
    const table = measurements(4);
    const task = classes.length === 0 ? 'regression' : 'multiclass';
    const encoder: TargetEncoder = { version: 1, column: target, task, labels: classes, mean: 0, scale: 1 };
    return referenceProfile({
      model: 'sizes',
      runId: 'run-1',
      table,
      signature: Signature.fromPartial({ target, classes, features: [{ name: 'x' }, { name: 'place' }] }),
      encoder,
      outputs,
      metrics: { accuracy: { mean: 0.5, std: 0.1 } },
    });
  };

  test('has each feature, the target and the out-of-fold predictions, and the mean metrics', () => {
    const outputs = [
      Float32Array.of(0.1, 0.8, 0.1, 0.9, 0, 0.1),
      Float32Array.of(0.2, 0.3, 0.5, 0.3, 0.4, 0.3),
    ];
    const profile = profileOf('size', ['large', 'medium', 'small'], outputs);
    expect(profile.columns.map(({ name, role }) => [name, role])).toEqual([
      ['x', 'feature'],
      ['place', 'feature'],
      ['size', 'target'],
      ['size', 'prediction'],
    ]);
    expect(profile.columns[0]).toMatchObject({ present: 3, missing: 1 });
    expect(profile.columns[3]).toMatchObject({
      categories: ['large', 'medium', 'small'],
      categoryCounts: [1, 2, 1],
    });
    expect(profile.baseline).toEqual({ accuracy: 0.5 });
  });

  test('has class labels as the target also where the table has numbers, as predictions and labels do', () => {
    const profile = profileOf('sign', ['0', '1'], [Float32Array.of(1, 0, 0, 1, 1, 0, 1, 0)]);
    const [target, prediction] = profile.columns.slice(-2);
    expect(target?.type).toBe(ColumnType.COLUMN_TYPE_CATEGORICAL);
    expect(target?.type).toBe(prediction?.type);
    expect(target?.categories).toEqual(['0', '1']);
  });

  test('has numbers for a regression', () => {
    const profile = profileOf('sum', [], [Float32Array.of(1, 2), Float32Array.of(2, 0.5)]);
    expect(profile.columns.at(-1)).toMatchObject({ values: [0.5, 1, 2], counts: [1, 1, 2], exact: true });
  });
});
