import { ReferenceProfile } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { ColumnType, Task } from '@rookery/proto/rookery/domain/v1/data';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { emptyLedger, takeBatch } from '../src/domain/batch-ledger.js';
import type { BatchLedger } from '../src/domain/batch-ledger.js';
import { compareWindow } from '../src/domain/compare-window.js';
import type { Findings } from '../src/domain/compare-window.js';
import { labelFits } from '../src/domain/model-quality.js';
import { newestRows } from '../src/domain/prediction-window.js';
import type { StoredValue, WindowRow } from '../src/domain/prediction-window.js';
import { draw, features, penguinReference, referenceColumn, species } from './fixtures.js';
import type { Penguin } from './fixtures.js';

const reference = penguinReference();

const windowOf = (rows: readonly Penguin[], truth?: (row: Penguin) => string | undefined): WindowRow[] =>
  rows.map((row, index) => ({
    id: `p-${index}`,
    timeMs: index,
    values: new Map<string, StoredValue>(Object.entries(row.values)),
    label: row.species,
    outputs: species.map((name) => (name === row.species ? 0.9 : 0.05)),
    truth: truth?.(row),
  }));

const compare = (rows: readonly WindowRow[], against: ReferenceProfile = reference): Findings =>
  compareWindow({ reference: against, rows, driftShare: 0.5 });

const columnOf = (findings: Findings, name: string) =>
  findings.columns.find((column) => column.name === name);

/** Adds three standard deviations to these features. */
function shifted(rows: readonly Penguin[], names: readonly string[]): Penguin[] {
  const spread: Record<string, number> = {
    body_mass_g: 802,
    culmen_length_mm: 5.46,
    culmen_depth_mm: 1.97,
    flipper_length_mm: 14.06,
  };
  return rows.map((row) => ({
    ...row,
    values: Object.fromEntries(
      Object.entries(row.values).map(([name, value]) => [
        name,
        typeof value === 'number' && names.includes(name) ? value + 3 * (spread[name] ?? 0) : value,
      ]),
    ),
  }));
}

describe('the ledger of batches', () => {
  test('takes each batch exactly once, in whatever order and however often they come', () => {
    const sequence = fc
      .integer({ min: 1, max: 40 })
      .chain((last) => fc.array(fc.integer({ min: 1, max: last }), { maxLength: 120 }));
    fc.assert(
      fc.property(sequence, (batches) => {
        let ledger: BatchLedger = emptyLedger;
        const taken: number[] = [];
        for (const batch of batches) {
          const next = takeBatch(ledger, batch);
          if (next === undefined) continue;
          taken.push(batch);
          ledger = next;
        }
        expect([...taken].sort((a, b) => a - b)).toEqual([...new Set(batches)].sort((a, b) => a - b));
      }),
    );
  });

  test('is one number while nothing is missing, and stays small where something is lost for good', () => {
    let ledger: BatchLedger = emptyLedger;
    for (let batch = 1; batch <= 100; batch++) ledger = takeBatch(ledger, batch) ?? ledger;
    expect(ledger).toEqual({ through: 100, beyond: [] });
    for (let batch = 102; batch <= 2_500; batch++) ledger = takeBatch(ledger, batch) ?? ledger;
    expect(ledger.beyond.length).toBeLessThanOrEqual(1_000);
    expect(takeBatch(ledger, 2_000)).toBeUndefined();
    expect(takeBatch(ledger, 2_501)).toBeDefined();
  });
});

describe('a window', () => {
  test('is the newest rows, oldest first, in whatever order the batches are read', () => {
    const batch = fc.array(fc.nat(50), { maxLength: 6 });
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 5 }), fc.integer({ min: 1, max: 12 }), (times, size) => {
        const batches = times.map((list, b) => ({
          features: ['x'],
          predictions: list.map((t, i) => ({ id: `${b}-${i}`, t, v: [t], label: 'a', out: [1] })),
        }));
        const labels = new Map([['0-0', 'b']]);
        const rows = newestRows(batches, size, labels);
        expect(newestRows([...batches].reverse(), size, labels)).toEqual(rows);
        const all = times.flat().sort((a, b) => a - b);
        expect(rows.map((row) => row.timeMs)).toEqual(all.slice(-size));
      }),
    );
  });
});

describe('drift', () => {
  test('is not detected on the training distribution: no data set drift over 200 windows', () => {
    let wrong = 0;
    let columns = 0;
    for (let seed = 0; seed < 200; seed++) {
      const findings = compare(windowOf(draw(200, seed)));
      if (findings.datasetDrift?.drifted) wrong += 1;
      columns += findings.columns.filter((column) => column.drifted).length;
    }
    expect(wrong).toBe(0);
    // Each test may be wrong in one of twenty windows: seven columns, 200 windows.
    expect(columns / (200 * 7)).toBeLessThan(0.05);
  });

  test('of one column shifted by three standard deviations is found in every window, and only there', () => {
    for (let seed = 0; seed < 50; seed++) {
      const findings = compare(windowOf(shifted(draw(100, seed), ['body_mass_g'])));
      expect(columnOf(findings, 'body_mass_g')).toMatchObject({ drifted: true, status: 'ok', method: 'ks' });
      expect(findings.datasetDrift?.drifted).toBe(false);
      expect(findings.alerts.join()).toContain('body_mass_g');
    }
  });

  test('of most columns is drift of the data set', () => {
    const rows = shifted(draw(100, 1), [
      'body_mass_g',
      'culmen_length_mm',
      'culmen_depth_mm',
      'flipper_length_mm',
    ]);
    expect(compare(windowOf(rows)).datasetDrift).toMatchObject({
      drifted: true,
      driftedColumns: 4,
      testedColumns: 7,
    });
  });

  test('of the predictions is found too', () => {
    const rows = draw(100, 1).map((row) => ({ ...row, species: 'Gentoo' }));
    const prediction = compare(windowOf(rows)).columns.find((column) => column.role === 'prediction');
    expect(prediction).toMatchObject({ drifted: true });
  });
});

describe('a column that can not be compared', () => {
  const rows = draw(100, 3);
  const without = (change: (values: Record<string, StoredValue>) => void): WindowRow[] =>
    windowOf(
      rows.map((row) => {
        const values = { ...row.values };
        change(values);
        return { ...row, values };
      }),
    );
  const others = (findings: Findings): string[] =>
    findings.columns.filter(({ name }) => name !== 'body_mass_g').map(({ status }) => status);

  test.each([
    ['absent', (values: Record<string, StoredValue>) => delete values['body_mass_g']],
    ['all missing', (values: Record<string, StoredValue>) => (values['body_mass_g'] = null)],
    ['of another type', (values: Record<string, StoredValue>) => (values['body_mass_g'] = 'heavy')],
  ])('because it is %s is insufficient by itself; the others are tested', (_, change) => {
    const findings = compare(without(change));
    expect(columnOf(findings, 'body_mass_g')).toMatchObject({
      status: 'insufficient',
      drifted: false,
      missingShare: 1,
    });
    expect(new Set(others(findings))).toEqual(new Set(['ok']));
    expect(findings.datasetDrift).toMatchObject({ testedColumns: 6, drifted: false });
  });

  test('because its reference is damaged is an error by itself', () => {
    const damaged = reference.columns.map((column) =>
      column.name === 'body_mass_g'
        ? { ...column, values: [1, 2], counts: undefined as unknown as number[] }
        : column,
    );
    const findings = compare(windowOf(rows), { ...reference, columns: damaged });
    expect(columnOf(findings, 'body_mass_g')).toMatchObject({ status: 'error', drifted: false });
    expect(new Set(others(findings))).toEqual(new Set(['ok']));
  });

  test('a column that is constant in both is no drift; one that became constant is reported', () => {
    const constant = referenceColumn(
      { name: 'always', type: 'numeric', values: new Float64Array(50).fill(7) },
      'feature',
    );
    const same = compare(
      without((values) => (values['always'] = 7)),
      { ...reference, columns: [...reference.columns, constant] },
    );
    expect(columnOf(same, 'always')?.drifted).toBe(false);
    const became = compare(without((values) => (values['body_mass_g'] = 4000)));
    expect(became.alerts.join()).toContain('all values are the same one');
  });

  test('too few rows say nothing: every column is insufficient', () => {
    const findings = compare(windowOf(draw(9, 1)));
    expect(new Set(findings.columns.map(({ status }) => status))).toEqual(new Set(['insufficient']));
    expect(findings.datasetDrift).toMatchObject({ drifted: false, testedColumns: 0, share: 0 });
  });

  test('categories that training never saw are counted by name, whatever the name is', () => {
    const findings = compare(
      without(
        (values) => (values['island'] = Math.abs(Number(values['body_mass_g'])) > 4000 ? '' : '__proto__'),
      ),
    );
    const island = columnOf(findings, 'island');
    expect(Object.keys(island?.newCategories ?? {}).sort()).toEqual(['', '__proto__']);
  });
});

describe('quality', () => {
  test('is measured on the labelled rows alone', () => {
    let seen = 0;
    const findings = compare(windowOf(draw(100, 1), (row) => (seen++ < 40 ? row.species : undefined)));
    expect(findings).toMatchObject({ predictions: 100, labelled: 40, quality: { accuracy: 1 } });
    expect(findings.columns.find(({ role }) => role === 'target')?.currentRows).toBe(40);
  });

  test('that has fallen by more than a tenth is an alert with both numbers', () => {
    const findings = compare(
      windowOf(draw(100, 1), (row) => (row.species === 'Adelie' ? 'Gentoo' : row.species)),
    );
    expect(findings.quality['accuracy']).toBeLessThan(0.9);
    expect(findings.alerts.join()).toMatch(/accuracy is 0\.\d+; it was 1/);
  });

  test('leaves out labels that do not fit, and counts them', () => {
    const findings = compare(
      windowOf(draw(20, 1), (row) => (row.species === 'Adelie' ? 'Dodo' : row.species)),
    );
    expect(findings.labelled).toBeLessThan(20);
    expect(findings.quality['accuracy']).toBe(1);
    expect(findings.alerts.join()).toMatch(/\d+ labels do not fit the model/);
  });

  test('is nothing without labels, and there is no target column then', () => {
    const findings = compare(windowOf(draw(20, 1)));
    expect(findings).toMatchObject({ labelled: 0, quality: {} });
    expect(findings.columns.some(({ role }) => role === 'target')).toBe(false);
  });

  test('survives rows whose outputs are not one a class', () => {
    const [first, ...rest] = windowOf(draw(20, 1), (row) => row.species);
    const findings = compare([{ ...first!, outputs: [1] }, ...rest]);
    expect(findings).toMatchObject({ labelled: 19, quality: { accuracy: 1 } });
  });

  test('of a regression compares numbers, and a label that is no number does not fit', () => {
    const numbers = Float64Array.from({ length: 50 }, (_, i) => i);
    const regression = ReferenceProfile.fromPartial({
      columns: ['target', 'prediction'].map((role) =>
        referenceColumn({ name: 'y', type: 'numeric', values: numbers }, role),
      ),
      baseline: { rmse: 1 },
    });
    const rows = Array.from({ length: 50 }, (_, i) => ({
      id: String(i),
      timeMs: i,
      values: new Map(),
      label: String(i),
      outputs: [i],
      truth: i === 0 ? ' ' : String(i + 1),
    }));
    const findings = compare(rows, regression);
    expect(findings).toMatchObject({ labelled: 49, quality: { rmse: 1 } });
    expect(findings.columns.map(({ role, status }) => [role, status])).toEqual([
      ['target', 'ok'],
      ['prediction', 'ok'],
    ]);
  });

  test('labels fit where they are a class, or a number where there are none', () => {
    expect(labelFits('Adelie', { classes: species })).toBe(true);
    expect(labelFits('Dodo', { classes: species })).toBe(false);
    expect(labelFits('1.5', { classes: [] })).toBe(true);
    for (const label of ['', ' ', 'many', 'NaN', 'Infinity'])
      expect(labelFits(label, { classes: [] })).toBe(false);
  });
});

describe('sets of labels', () => {
  const labels = ['a', 'b'];
  const model = { classes: labels, labelSeparator: '|', labelThreshold: 0.4 };
  const flags = (name: string, role: string, share: number) => ({
    name,
    role,
    type: ColumnType.COLUMN_TYPE_BOOLEAN,
    present: 100,
    categories: ['false', 'true'],
    categoryCounts: [100 - share, share],
  });
  const reference = ReferenceProfile.fromPartial({
    task: Task.TASK_MULTILABEL,
    ...model,
    columns: ['target', 'prediction'].flatMap((role) => labels.map((name) => flags(name, role, 50))),
    baseline: { f1_micro: 1 },
  });
  const row = (outputs: readonly number[], truth?: string, at = 0): WindowRow => ({
    id: `p-${at}`,
    timeMs: at,
    values: new Map(),
    label: '',
    outputs,
    truth,
  });

  test('fit where every label is one of the model, as text or as a list', () => {
    for (const label of ['a', 'b|a', '|', '[]', '["b"]', ' a | b '])
      expect(labelFits(label, model)).toBe(true);
    for (const label of ['c', 'a|c', '', 'a||b', '["c"]', '[["a"]]'])
      expect(labelFits(label, model)).toBe(false);
  });

  test('are measured above the threshold of each label, where they have one of their own', () => {
    const rows = Array.from({ length: 60 }, (_, at) => row([0.45, 0.45], 'b', at));
    const columns = [flags('a', 'prediction', 1), flags('b', 'prediction', 99)];
    const one = ReferenceProfile.fromPartial({ ...reference, columns });
    const found = compareWindow({
      reference: { ...one, labelThresholds: [0.5, 0.4] },
      rows,
      driftShare: 0.5,
    });
    expect(found.quality).toMatchObject({ subset_accuracy: 1 });
    expect(found.columns.map(({ drifted }) => drifted)).toEqual([false, false]);
    const alike = compareWindow({ reference: one, rows, driftShare: 0.5 });
    expect(alike.quality).toMatchObject({ subset_accuracy: 0 });
    expect(alike.columns.map(({ drifted }) => drifted)).toEqual([true, false]);
  });

  test('are compared label by label, and measured as sets', () => {
    // a is predicted always and there in every second row, b is right always.
    const rows = Array.from({ length: 60 }, (_, at) =>
      row([0.45, at % 2 === 0 ? 0.9 : 0.1], at % 2 === 0 ? 'b|a' : '[]', at),
    );
    const findings = compareWindow({ reference, rows, driftShare: 0.5 });
    expect(findings.labelled).toBe(60);
    const drifted = findings.columns.map(({ role, name, drifted: is }) => [role, name, is]);
    expect(drifted).toEqual([
      ['target', 'a', false],
      ['target', 'b', false],
      ['prediction', 'a', true],
      ['prediction', 'b', false],
    ]);
    // 60 right of 60 + 90 flags.
    expect(findings.quality).toMatchObject({
      f1_micro: 120 / 150,
      hamming_loss: 0.25,
      subset_accuracy: 0.5,
      recall_of_a: 1,
    });
    expect(findings.alerts).toEqual(expect.arrayContaining([expect.stringContaining('f1_micro is 0.8')]));
  });

  test('that do not fit are counted, and leave the others', () => {
    const rows = [row([0.9, 0.1], 'a'), row([0.9, 0.1], 'c', 1), row([0.9], 'a', 2)];
    const findings = compareWindow({ reference, rows, driftShare: 0.5 });
    expect(findings).toMatchObject({ labelled: 1, quality: { subset_accuracy: 1 } });
    expect(findings.alerts).toContain('2 labels do not fit the model');
  });
});

test('a report holds nothing that JSON would lose', () => {
  const value = fc.oneof(fc.double(), fc.string(), fc.boolean(), fc.constant(null));
  const row = fc.record({
    values: fc.dictionary(fc.constantFrom(...features), value),
    label: fc.constantFrom(...species, 'Dodo', ''),
    outputs: fc.array(fc.double(), { maxLength: 4 }),
    truth: fc.option(fc.constantFrom(...species, 'Dodo'), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
      const findings = compare(
        rows.map((item, i) => ({
          ...item,
          id: String(i),
          timeMs: i,
          values: new Map(Object.entries(item.values)),
        })),
      );
      const report: MonitorReported = { ...MonitorReported.create(), ...findings };
      const again = MonitorReported.fromJSON(JSON.parse(JSON.stringify(MonitorReported.toJSON(report))));
      expect(again.quality).toEqual(report.quality);
      expect(
        again.columns.map(({ score, statistic, missingShare }) => [score, statistic, missingShare]),
      ).toEqual(report.columns.map(({ score, statistic, missingShare }) => [score, statistic, missingShare]));
    }),
    { numRuns: 60 },
  );
});
