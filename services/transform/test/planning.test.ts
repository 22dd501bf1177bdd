import { columnByName, createTable, deriveSeed, inputColumns } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';
import { targetName } from '@rookery/contracts';
import { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';
import { Task } from '@rookery/proto/rookery/domain/v1/data';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { planFolds } from '../src/domain/plan-folds.js';
import type { PlannedJob } from '../src/domain/plan-folds.js';
import { pluginProblemOf, settleRequest, settleSpec, signatureOf } from '../src/domain/plan-request.js';
import { developmentSeed, runSeed } from '../src/domain/run-seed.js';
import { flowers } from './world.js';

const request = (fields: Partial<DatasetReady> = {}): DatasetReady =>
  DatasetReady.fromPartial({ name: 'flowers', uri: 'file:///f.csv', target: 'kind', ...fields });

const plan = (table: Table, fields: Partial<DatasetReady> = {}, seed = 42): PlannedJob[] => {
  const ready = request(fields);
  return planFolds(table, ready.target, settleRequest(ready, table), seed);
};

describe('folds', () => {
  test('every row is held out exactly once, and the final job trains on all', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 12, max: 60 }),
        fc.integer({ min: 2, max: 4 }),
        fc.nat(),
        fc.boolean(),
        (rows, folds, seed, stratify) => {
          const jobs = plan(flowers(rows), { folds, stratify }, seed);
          expect(jobs).toHaveLength(folds + 1);
          const heldOut = jobs.flatMap((job) => [...job.test]).sort((a, b) => a - b);
          expect(heldOut).toEqual(Array.from({ length: rows }, (_, row) => row));
          for (const job of jobs.slice(0, -1)) {
            expect(new Set([...job.train, ...job.test]).size).toBe(rows);
          }
          const final = jobs.at(-1);
          expect(final).toMatchObject({ final: true, fold: folds });
          expect(final?.train).toHaveLength(rows);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('what is fitted for a fold does not depend on its held-out rows', () => {
    const table = flowers();
    const job = plan(table)[0]!;
    const length = columnByName(table, 'length');
    if (length.type !== 'numeric') throw new Error('length is numeric');
    const values = length.values.slice();
    for (const row of job.test) values[row] = 1e6;
    const changed = createTable([{ ...length, values }, ...table.columns.slice(1)]);
    expect(plan(changed)[0]?.transformer).toEqual(job.transformer);
    expect(plan(changed)[1]?.transformer).not.toEqual(plan(table)[1]?.transformer);
  });

  test('a category that the training rows lack has no input in that fold, and all folds share the classes', () => {
    const jobs = plan(flowers());
    const without = jobs.filter((job) => job.test.includes(5));
    expect(without).toHaveLength(1);
    expect(without[0]?.transformer.featureNames).not.toContain('place_roof');
    expect(jobs.at(-1)?.transformer.featureNames).toContain('place_roof');
    for (const job of jobs) expect(job.target.labels).toEqual(['aster', 'bellis', 'crocus']);
  });

  test('the same seed gives the same plan, another seed another one', () => {
    const table = flowers();
    expect(plan(table, {}, 7)).toEqual(plan(table, {}, 7));
    expect(plan(table, {}, 8)[0]?.test).not.toEqual(plan(table, {}, 7)[0]?.test);
  });

  test('more folds than any class has rows are refused where stratified, and dealt out where not', () => {
    expect(() => plan(flowers(12), { folds: 5 })).toThrow(/largest has 4/);
    expect(plan(flowers(12), { folds: 5, stratify: false })).toHaveLength(6);
  });

  test('folds of a single row are planned', () => {
    const jobs = plan(flowers(12), { folds: 12, stratify: false });
    expect(jobs.slice(0, -1).every((job) => job.test.length === 1)).toBe(true);
  });

  test('a fold whose training rows have no value in any feature is refused by its number', () => {
    const kind = columnByName(flowers(4), 'kind');
    const only = Int32Array.from([0, -1, -1, -1]);
    const table = createTable([
      { name: 'only', type: 'categorical', codes: only, categories: ['a'] },
      { ...kind, name: 'kind' },
    ]);
    const thrown = catchOf(() => plan(table, { folds: 4, stratify: false }));
    expect(thrown).toMatchObject({ code: 'RK_DATASET_NO_FEATURES', details: { features: 'only' } });
  });
});

describe('preprocessing', () => {
  const preprocessing = {
    numeric: { imputer: 'median', scaler: 'robust' },
    categorical: { encoder: 'target' },
  };

  test('is fitted on the training rows of each fold only, and on nothing of its held-out rows', () => {
    const table = flowers();
    const job = plan(table, { preprocessing })[0]!;
    expect(job.transformer).toMatchObject({ version: 2 });
    const length = columnByName(table, 'length');
    if (length.type !== 'numeric') throw new Error('length is numeric');
    const values = length.values.slice();
    for (const row of job.test) values[row] = 1e6;
    const changed = createTable([{ ...length, values }, ...table.columns.slice(1)]);
    expect(plan(changed, { preprocessing })[0]?.transformer).toEqual(job.transformer);
    expect(plan(table, { preprocessing })[0]?.transformer).toEqual(job.transformer);
  });

  test('of dropped columns leaves them out of the signature', () => {
    const ready = request({ preprocessing: { columns: { place: 'drop' } } });
    const settings = settleRequest(ready, flowers());
    expect(settings.features).not.toContain('place');
    const { transformer } = planFolds(flowers(), 'kind', settings, 1)[0]!;
    expect(inputColumns(transformer)).toEqual(settings.features);
    expect(signatureOf(settings, flowers(), 'kind').features.map(({ name }) => name)).toEqual(
      settings.features,
    );
  });
});

describe('splits and weights', () => {
  test('repetitions give as many jobs as all folds together, and the final one', () => {
    const split = { kind: 'repeated_stratified', group: '', time: '', repeats: 3 };
    const jobs = plan(flowers(), { folds: 2, split });
    expect(jobs).toHaveLength(7);
    expect(jobs.map((job) => job.fold)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(settleRequest(request({ folds: 2, split }), flowers()).folds).toBe(6);
  });

  test('a hold-out is one fold; the columns that divide and weigh the rows are no features', () => {
    const split = { kind: 'hold_out', group: '', time: '', testSize: 0.2 };
    expect(plan(flowers(), { split })).toHaveLength(2);
    const ready = request({ split: { kind: 'group', group: 'place', time: '' }, sampleWeight: 'constant' });
    expect(settleRequest(ready, flowers()).features).toEqual(['length', 'width', 'weight']);
  });

  test('weights are the sample weight times that of the class, balanced by the training rows', () => {
    const table = flowers();
    const codes = columnByName(table, 'kind');
    if (codes.type === 'numeric') throw new Error('kind is categorical');
    const plain = plan(table)[0]!;
    expect(plain.weights).toBeUndefined();
    const job = plan(table, { classWeight: { aster: 3 }, sampleWeight: 'constant' })[0]!;
    job.train.forEach((row, i) => {
      expect(job.weights?.[i]).toBe(codes.codes[row] === 0 ? 21 : 7);
    });
    const balanced = plan(table, { classWeight: 'balanced' })[0]!;
    const totals = [0, 0, 0];
    balanced.train.forEach((row, i) => {
      totals[codes.codes[row]!]! += balanced.weights![i]!;
    });
    for (const total of totals) expect(total).toBeCloseTo(balanced.train.length / 3, 4);
  });
});

describe('requests', () => {
  test('a bare request gets every default; text and columns without any value are no features', () => {
    const settings = settleRequest(request(), flowers());
    expect(settings).toMatchObject({ model: 'flowers', task: 'multiclass', folds: 5, stratified: true });
    expect(settings.gate).toEqual({ metric: 'accuracy', threshold: 0.7, allowWorseThanChampion: false });
    expect(settings.features).toEqual(['length', 'width', 'place', 'constant', 'weight']);
    expect(signatureOf(settings, flowers(), 'kind')).toMatchObject({
      target: 'kind',
      classes: settings.labels,
    });
  });

  test('a numeric target is a regression: no strata, rmse, and no threshold of its own', () => {
    const settings = settleRequest(request({ target: 'weight' }), flowers());
    expect(settings).toMatchObject({ task: 'regression', labels: [], stratified: false });
    expect(settings.gate).toMatchObject({ metric: 'rmse', threshold: undefined });
    expect(settleSpec(request({ target: 'weight' }), settings, 5, 1).layers.at(-1)).toMatchObject({
      units: 1,
    });
  });

  test('two classes are binary, with two outputs', () => {
    const table = createTable([
      ...flowers().columns.slice(0, 2),
      {
        name: 'kind',
        type: 'boolean',
        codes: Int32Array.from({ length: 30 }, (_, row) => row % 2),
        categories: ['false', 'true'],
      },
    ]);
    const settings = settleRequest(request(), table);
    expect(settings).toMatchObject({ task: 'binary', labels: ['false', 'true'] });
    expect(settleSpec(request(), settings, 2, 1).layers.at(-1)).toMatchObject({
      units: 2,
      activation: 'softmax',
    });
  });

  test('a task that the target does not suit is refused', () => {
    const ready = request({ task: Task.TASK_BINARY });
    expect(() => planFolds(flowers(), 'kind', settleRequest(ready, flowers()), 1)).toThrow(/3 classes/);
  });

  test('a gate on another metric than accuracy has no threshold unless it is given', () => {
    const gate = (metric: string, threshold?: number) => ({
      metric,
      threshold,
      allowWorseThanChampion: false,
    });
    expect(settleRequest(request({ gate: gate('log_loss') }), flowers()).gate.threshold).toBeUndefined();
    expect(settleRequest(request({ gate: gate('log_loss', 0.4) }), flowers()).gate.threshold).toBe(0.4);
  });

  test.each([
    ['no such target', { target: 'species' }, 'RK_TABULAR_COLUMN_MISSING'],
    [
      'nothing left to learn from',
      { ignore: ['length', 'width', 'place', 'constant', 'weight'] },
      'RK_DATASET_NO_FEATURES',
    ],
    ['a model name that no subject takes', { model: 'my model' }, 'RK_KEY_INVALID'],
    ['free text as the target', { target: 'note' }, 'RK_TABULAR_TARGET_INVALID'],
  ])('%s is refused with its code', (_, fields, code) => {
    expect(catchOf(() => settleRequest(request(fields), flowers()))).toMatchObject({ code });
  });

  const settings = settleRequest(request(), flowers());

  test('the short forms of a request override its specification, with an optimizer by name too', () => {
    const spec = settleSpec(
      request({ epochs: 3, batchSize: 4, learningRate: 0.5, modelSpec: { optimizer: 'adam', epochs: 9 } }),
      settings,
      5,
      11,
    );
    expect(spec).toMatchObject({ epochs: 3, batchSize: 4, seed: 11 });
    expect(spec.optimizer).toMatchObject({ type: 'adam', learningRate: 0.5 });
  });

  test.each([
    ['optimizer', { modelSpec: { optimizer: 7 }, learningRate: 0.1 }],
    ['layers[0].units', { modelSpec: { layers: [{ type: 'dense' }, { type: 'dense' }] } }],
    ['epoch', { modelSpec: { epoch: 7 } }],
    ['epochs', { epochs: 0 }],
  ])('a wrong specification names its field %s', (field, fields) => {
    const thrown = catchOf(() => settleSpec(request(fields), settings, 5, 1));
    expect(thrown).toMatchObject({ code: 'RK_SPEC_INVALID', details: { field } });
  });
});

describe('seeds', () => {
  test('development takes 42, a request its own, production a fresh one for each event', () => {
    expect(runSeed(undefined, 'development', 'a')).toBe(developmentSeed);
    expect(runSeed(0, 'production', 'a')).toBe(0);
    expect(runSeed(undefined, 'production', 'a')).not.toBe(runSeed(undefined, 'production', 'b'));
  });

  test('a redelivered event draws the same production seed, a whole number of 32 bits', () => {
    fc.assert(
      fc.property(fc.string(), (id) => {
        const seed = runSeed(undefined, 'production', id);
        expect(runSeed(undefined, 'production', id)).toBe(seed);
        expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32).toBe(true);
      }),
    );
  });

  test('the jobs of a run have seeds of their own', () => {
    const seeds = [0, 1, 2, 3, 4, 5].map((fold) => deriveSeed(42, 'job', fold) >>> 0);
    expect(new Set(seeds).size).toBe(6);
  });
});

function catchOf(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a request for sets of labels', () => {
  /** The flowers with two columns of labels and the same labels in one column. */
  const labelled = (rows = 30): Table => {
    const flags = (every: number): Float64Array =>
      Float64Array.from({ length: rows }, (_, row) => (row % every === 0 ? 1 : 0));
    const sets = Array.from(
      { length: rows },
      (_, row) => ['wet', 'tall'].filter((_label, k) => row % (k + 2) === 0).join(';') || ';',
    );
    const categories = [...new Set(sets)];
    return createTable([
      ...flowers(rows).columns,
      { name: 'wet', type: 'numeric', values: flags(2) },
      { name: 'tall', type: 'numeric', values: flags(3) },
      {
        name: 'traits',
        type: 'text',
        categories,
        codes: Int32Array.from(sets, (set) => categories.indexOf(set)),
      },
    ]);
  };
  const columns = { target: '', targets: ['wet', 'tall'] };
  const sets = { target: 'traits', labelSeparator: ';', ignore: ['wet', 'tall'] };
  const planOf = (fields: Partial<DatasetReady>, seed = 42): PlannedJob[] => {
    const ready = request(fields);
    return planFolds(labelled(), targetName(ready), settleRequest(ready, labelled()), seed);
  };

  test('is multi-label: its labels are no features, its folds spread them, f1_micro judges it', () => {
    const settings = settleRequest(request(columns), labelled());
    expect(settings).toMatchObject({
      task: 'multilabel',
      labels: ['wet', 'tall'],
      stratified: true,
      folds: 5,
    });
    expect(settings.gate).toEqual({
      metric: 'f1_micro',
      threshold: undefined,
      allowWorseThanChampion: false,
    });
    expect(settings.usable).not.toContain('wet');
    expect(signatureOf(settings, labelled(), 'wet, tall')).toMatchObject({
      task: Task.TASK_MULTILABEL,
      target: 'wet, tall',
      classes: ['wet', 'tall'],
      targets: ['wet', 'tall'],
      labelSeparator: '|',
      labelThreshold: 0.5,
    });
    expect(settleSpec(request(columns), settings, 5, 1)).toMatchObject({
      task: 'multilabel',
      loss: 'binary_crossentropy',
      layers: [{}, {}, { units: 2, activation: 'sigmoid' }],
    });
    for (const { test: held } of planOf(columns).slice(0, -1)) {
      expect(held).toHaveLength(6);
      expect([...held].filter((row) => row % 2 === 0)).toHaveLength(3);
      expect([...held].filter((row) => row % 3 === 0)).toHaveLength(2);
    }
  });

  test('of one column has its labels sorted, its separator and its threshold', () => {
    const ready = request({ ...sets, labelThreshold: 0.3 });
    const settings = settleRequest(ready, labelled());
    expect(settings.labels).toEqual(['tall', 'wet']);
    expect(signatureOf(settings, labelled(), 'traits')).toMatchObject({
      classes: ['tall', 'wet'],
      targets: [],
      labelSeparator: ';',
      labelThreshold: 0.3,
    });
    const [job] = planOf({ ...sets, labelThreshold: 0.3 });
    expect(job?.target).toMatchObject({
      task: 'multilabel',
      labels: ['tall', 'wet'],
      source: { column: 'traits', separator: ';' },
      threshold: 0.3,
    });
  });

  test('has a threshold for each label where some are named, and the default of old readers while tuned ones are not known', () => {
    const each = request({ ...sets, labelThreshold: { wet: 0.2 } });
    expect(signatureOf(settleRequest(each, labelled()), labelled(), 'traits')).toMatchObject({
      classes: ['tall', 'wet'],
      labelThreshold: 0.5,
      labelThresholds: [0.5, 0.2],
    });
    expect(planOf({ ...sets, labelThreshold: { wet: 0.2 } })[0]?.target.threshold).toEqual([0.5, 0.2]);
    const tuned = request({ ...sets, labelThreshold: 'tuned' });
    expect(signatureOf(settleRequest(tuned, labelled()), labelled(), 'traits')).toMatchObject({
      labelThreshold: 0.5,
      labelThresholds: [],
    });
    expect(planOf({ ...sets, labelThreshold: 'tuned' })[0]?.target.threshold).toBe('tuned');
    expect(catchOf(() => planOf({ ...sets, labelThreshold: { dry: 0.2 } }))).toMatchObject({
      code: 'RK_REQUEST_INVALID',
    });
  });

  test('takes weights of its labels from the specification', () => {
    const ready = request({ ...columns, modelSpec: { positiveWeights: { wet: 3 } } });
    const settings = settleRequest(ready, labelled());
    expect(settleSpec(ready, settings, 5, 1).positiveWeights).toEqual(
      settings.labels.map((label) => (label === 'wet' ? 3 : 1)),
    );
  });

  test('has the same folds from columns as from sets, for the same seed and order of labels', () => {
    const tests = (jobs: readonly PlannedJob[]) => jobs.map((job) => [...job.test]);
    const ordered = planOf({ target: '', targets: ['tall', 'wet'] });
    expect(tests(planOf(sets))).toEqual(tests(ordered));
    expect(tests(planOf(sets, 43))).not.toEqual(tests(ordered));
    expect(tests(planOf({ ...sets, stratify: false }))).not.toEqual(tests(ordered));
  });

  test('weighs its rows, and has no classes to weigh or to encode features by', () => {
    const [job] = planOf({ ...columns, sampleWeight: 'constant' });
    expect(new Set(job?.weights)).toEqual(new Set([7]));
    expect(catchOf(() => planOf({ ...columns, classWeight: 'balanced' }))).toMatchObject({
      code: 'RK_WEIGHTS_INVALID',
    });
    const preprocessing = { columns: { place: { encoder: 'target' } } };
    expect(catchOf(() => planOf({ ...columns, preprocessing }))).toMatchObject({
      code: 'RK_PREPROCESSING_INVALID',
    });
  });
});

test('a plug-in is told classes or numbers to learn, and is never asked for sets of labels', () => {
  expect(pluginProblemOf({ task: 'binary', labels: ['no', 'yes'] }, ['x'])).toEqual({
    task: 'classification',
    outputs: 2,
    classes: ['no', 'yes'],
    features: ['x'],
  });
  expect(pluginProblemOf({ task: 'regression', labels: [] }, ['x'])).toMatchObject({ outputs: 1 });
  const sets = () => pluginProblemOf({ task: 'multilabel', labels: ['a', 'b'] }, ['x']);
  expect(sets).toThrow(expect.objectContaining({ code: 'RK_SPEC_INVALID' }));
});
