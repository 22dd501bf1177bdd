import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import {
  assignLabelSets,
  createTable,
  encodeLabelSets,
  encodeTargets,
  evaluateMultilabel,
  fitTarget,
  formatLabelSet,
  inferTask,
  labelMetricNames,
  labelSetKFold,
  labelSetNames,
  labelSetTarget,
  labelsAbove,
  metricDirection,
  parseLabelSet,
  splitRows,
  sumLabelConfusions,
} from '../src/index.js';
import type { Column } from '../src/index.js';
import { relativeError } from './golden.js';

interface Golden {
  readonly evaluations: readonly {
    readonly title: string;
    readonly labels: number;
    readonly threshold: number;
    readonly truth: readonly number[];
    readonly probabilities: readonly number[];
    readonly weights: readonly number[] | null;
    readonly metrics: Readonly<Record<string, number>>;
    readonly confusion: readonly (readonly number[])[];
  }[];
  readonly folds: readonly {
    readonly title: string;
    readonly rows: number;
    readonly labels: number;
    readonly folds: number;
    readonly flags: readonly number[];
    readonly fold: readonly number[];
  }[];
}

const golden = JSON.parse(
  readFileSync(new URL('../../../tests/golden/sklearn/multilabel.json', import.meta.url), 'utf8'),
) as Golden;

const names = (count: number): string[] => Array.from({ length: count }, (_, k) => `l${k}`);

const texts = (name: string, cells: readonly (string | null)[]): Column => {
  const categories = [...new Set(cells.filter((cell) => cell !== null))];
  return {
    name,
    type: 'text',
    categories,
    codes: Int32Array.from(cells, (cell) => (cell === null ? -1 : categories.indexOf(cell))),
  };
};

const invalidTarget = expect.objectContaining({ code: 'RK_TABULAR_TARGET_INVALID' }) as Error;

describe('the evaluation of sets of labels', () => {
  it.each(golden.evaluations)('equals that of scikit-learn: $title', (one) => {
    const { truth, probabilities, threshold } = one;
    const evaluation = evaluateMultilabel({
      labels: names(one.labels),
      truth,
      probabilities,
      threshold,
      ...(one.weights === null ? {} : { weights: one.weights }),
    });
    expect(Object.keys(evaluation.metrics).sort()).toEqual(Object.keys(one.metrics).sort());
    for (const [name, value] of Object.entries(one.metrics))
      expect(relativeError(evaluation.metrics[name]!, value), name).toBeLessThan(1e-12);
    expect(
      evaluation.confusion.map((label) => [
        label.trueNegatives,
        label.falsePositives,
        label.falseNegatives,
        label.truePositives,
      ]),
    ).toEqual(one.confusion);
  });

  it('says of every metric which direction is better, and names those of labels', () => {
    const [one] = golden.evaluations;
    const { metrics } = evaluateMultilabel({
      ...one!,
      labels: names(one!.labels),
      weights: [1].concat(new Array(59).fill(1)),
    });
    const lower = Object.keys(metrics).filter((name) => metricDirection(name) === 'lower');
    expect(lower.sort()).toEqual(['brier', 'hamming_loss', 'log_loss']);
    expect(Object.keys(metrics)).toEqual(expect.arrayContaining(labelMetricNames(names(5))));
  });

  it('sums the counts of the folds, label by label', () => {
    const count = (n: number) => ({
      label: 'a',
      trueNegatives: n,
      falsePositives: 2 * n,
      falseNegatives: 3 * n,
      truePositives: 4 * n,
    });
    expect(sumLabelConfusions([[count(1)], [count(10)]])).toEqual([count(11)]);
    expect(sumLabelConfusions([])).toEqual([]);
  });

  it('refuses probabilities that do not suit the truth', () => {
    expect(() =>
      evaluateMultilabel({ labels: ['a', 'b'], truth: [1, 0, 1], probabilities: [1, 0, 1], threshold: 0.5 }),
    ).toThrow(/do not suit/);
  });
});

describe('folds that spread sets of labels', () => {
  it.each(golden.folds)('go where iterative-stratification puts them: $title', (one) => {
    const order = Int32Array.from({ length: one.rows }, (_, row) => row);
    const assigned = assignLabelSets({ flags: one.flags, labels: one.labels }, one.folds, order, () => 0);
    expect([...assigned]).toEqual(one.fold);
  });

  it('hold every row once, the same for the same seed, with rows and labels spread evenly', () => {
    const sets = fc
      .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 2, max: 5 }))
      .chain(([labels, k]) =>
        fc.record({
          labels: fc.constant(labels),
          k: fc.constant(k),
          rows: fc.array(fc.array(fc.boolean(), { minLength: labels, maxLength: labels }), {
            minLength: 40,
            maxLength: 80,
          }),
          seed: fc.nat(),
        }),
      );
    fc.assert(
      fc.property(sets, ({ labels, k, rows, seed }) => {
        const flags = rows.flat().map(Number);
        const folds = labelSetKFold({ flags, labels }, k, { seed });
        expect(folds.flatMap(({ test }) => [...test]).sort((a, b) => a - b)).toEqual(
          rows.map((_, row) => row),
        );
        for (const { train, test } of folds) {
          expect(train.length + test.length).toBe(rows.length);
          expect(test.length).toBeGreaterThan(0);
        }
        expect(labelSetKFold({ flags, labels }, k, { seed })).toEqual(folds);
      }),
    );
  });

  it('give each fold a row of a label that has as many rows as there are folds', () => {
    const flags = Array.from({ length: 100 }, (_, row) => [row % 20 === 3 ? 1 : 0, row % 2]).flat();
    for (const { test } of labelSetKFold({ flags, labels: 2 }, 5, { seed: 3 })) {
      expect(test.length).toBe(20);
      expect([...test].filter((row) => row % 20 === 3)).toHaveLength(1);
      expect([...test].filter((row) => row % 2 === 1)).toHaveLength(10);
    }
  });

  it('serve the kinds stratified and repeated_stratified, and refuse stratified_group', () => {
    const table = createTable([
      { name: 'g', type: 'numeric', values: Float64Array.from({ length: 20 }, (_, i) => i % 4) },
    ]);
    const sets = { flags: Array.from({ length: 40 }, (_, i) => (i % 3 === 0 ? 1 : 0)), labels: 2 };
    expect(splitRows(table, { kind: 'stratified', folds: 4 }, sets, 1)).toEqual(
      labelSetKFold(sets, 4, { seed: 1 }),
    );
    expect(splitRows(table, { kind: 'repeated_stratified', folds: 4, repeats: 2 }, sets, 1)).toHaveLength(8);
    expect(splitRows(table, { kind: 'hold_out', folds: 2 }, sets, 1)).toHaveLength(1);
    expect(() => splitRows(table, { kind: 'stratified_group', folds: 4, group: 'g' }, sets, 1)).toThrow(
      /sets of labels/,
    );
  });
});

describe('a set of labels as text', () => {
  it.each([
    ['comedy|drama', '|', ['comedy', 'drama']],
    [' comedy | drama ', '|', ['comedy', 'drama']],
    ['drama|comedy|drama', '|', ['drama', 'comedy']],
    ['comedy', '|', ['comedy']],
    ['|', '|', []],
    ['[]', '|', []],
    ['["a|b","c"]', '|', ['a|b', 'c']],
    ['[1,2]', '|', ['1', '2']],
    ['a; b', ';', ['a', 'b']],
    ['a b', ' ', ['a', 'b']],
    ['[unclosed', '|', ['[unclosed']],
    ['a||b', '|', undefined],
    ['a|', '|', undefined],
    ['[""]', '|', undefined],
    ['', '|', undefined],
  ])('%j with %j is %j', (text, separator, labels) => {
    expect(parseLabelSet(text, separator)).toEqual(labels);
  });

  it('is read again as it was written, whatever the labels are', () => {
    const label = fc.string({ minLength: 1 }).filter((text) => text.trim() === text);
    fc.assert(
      fc.property(fc.uniqueArray(label), fc.constantFrom('|', ',', ';', ' '), (labels, separator) => {
        expect(parseLabelSet(formatLabelSet(labels, separator), separator)).toEqual(labels);
      }),
    );
  });

  it('has the labels above the threshold, not those at it', () => {
    expect(labelsAbove(['a', 'b', 'c'], [0.5, 0.6, 0.1], 0.5)).toEqual(['b']);
  });
});

describe('a multi-label target', () => {
  const flags = createTable([
    { name: 'a', type: 'numeric', values: Float64Array.of(0, 1, 1) },
    { name: 'b', type: 'boolean', codes: Int32Array.of(1, 0, 1), categories: ['false', 'true'] },
    texts('c', ['TRUE', '0', '1']),
    texts('sets', ['b|a', '|', '["c"]']),
  ]);

  it('is read from a column for each label', () => {
    const encoder = labelSetTarget('a, b, c', ['a', 'b', 'c'], { columns: ['a', 'b', 'c'] });
    expect([...encodeTargets(encoder, flags)]).toEqual([0, 1, 1, 1, 0, 0, 1, 1, 1]);
    expect([...encodeTargets(encoder, flags, [2, 0])]).toEqual([1, 1, 1, 0, 1, 1]);
    expect(encoder.threshold).toBe(0.5);
  });

  it('is read from one column of sets, its labels sorted', () => {
    const sets = flags.columns[3]!;
    const labels = labelSetNames(sets, '|');
    expect(labels).toEqual(['a', 'b', 'c']);
    const encoder = labelSetTarget('sets', labels, { column: 'sets', separator: '|' });
    expect([...encodeTargets(encoder, flags)]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 1]);
  });

  it('is read from labels that look like numbers', () => {
    const numbers: Column = { name: 'n', type: 'numeric', values: Float64Array.of(10, 2, 10) };
    expect(labelSetNames(numbers, '|')).toEqual(['10', '2']);
    const source = { column: 'n', separator: '|' };
    expect([...encodeLabelSets({ labels: ['10', '2'], source }, createTable([numbers]))]).toEqual([
      1, 0, 0, 1, 1, 0,
    ]);
  });

  it('refuses a missing cell, a flag that is none and a set that is none, naming the row', () => {
    const bad = createTable([
      { name: 'gap', type: 'numeric', values: Float64Array.of(0, NaN) },
      { name: 'two', type: 'numeric', values: Float64Array.of(1, 2) },
      texts('sets', ['a', null]),
      texts('empty', ['a', 'a||b']),
    ]);
    for (const name of ['gap', 'two'])
      expect(() => encodeLabelSets({ labels: [name], source: { columns: [name] } }, bad)).toThrow(/row 2/);
    for (const name of ['sets', 'empty'])
      expect(() => encodeLabelSets({ labels: ['a'], source: { column: name, separator: '|' } }, bad)).toThrow(
        /row 2/,
      );
    expect(() => labelSetNames(bad.columns[3]!, '|')).toThrow(invalidTarget);
    expect(() => fitTarget(bad.columns[0]!, [0], 'multilabel')).toThrow(invalidTarget);
  });

  it('is inferred from lists, and from nothing else', () => {
    expect(inferTask(texts('t', ['["a","b"]', '[]']))).toMatchObject({ task: 'multilabel' });
    const words = texts('w', ['a|b', 'a']);
    expect(inferTask({ ...words, type: 'categorical' } as Column).task).toBe('binary');
  });
});
