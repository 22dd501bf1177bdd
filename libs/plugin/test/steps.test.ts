import { RookeryError } from '@rookery/contracts';
import { createTable, fitPipeline, readPreprocessing, transformRows } from '@rookery/tabular';
import type { Table } from '@rookery/tabular';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openPlugins, withPluginColumns } from '../src/index.js';
import type { Plugins } from '../src/index.js';
import { classifier, pluginFolder } from './support/built-child.js';
import type { PluginFolder } from './support/built-child.js';

let folder: PluginFolder;
const opened: Plugins[] = [];

beforeAll(async () => {
  folder = await pluginFolder();
});

afterEach(async () => {
  await Promise.all(opened.splice(0).map((plugins) => plugins.close()));
});

afterAll(() => folder.remove());

/** Code of a plug-in that gives a number's distance from the mean of training, and whether a text is there. */
function distances(replaced: Readonly<Record<string, string>> = {}): string {
  const parts: Record<string, string> = {
    options: `{ scale: { type: 'number', min: 0.5, default: 1 } }`,
    check: `(options, columns) => { if (columns[0].type !== 'numeric') throw new Error('it takes a number and a text') }`,
    fit: `([numbers]) => {
      const known = numbers.values.filter((value) => !Number.isNaN(value));
      return new Uint8Array(Float64Array.of(known.reduce((a, b) => a + b, 0) / known.length).buffer);
    }`,
    load: `(state, { scale }) => ({ mean: new Float64Array(state.slice().buffer)[0], scale })`,
    featureNames: `() => ['far', 'told']`,
    transform: `({ mean, scale }, [numbers, texts], rows) =>
      Array.from({ length: rows }, (_, i) => [(numbers.values[i] - mean) * scale, texts.values[i] === null ? NaN : 1]).flat()`,
    ...replaced,
  };
  const lines = Object.entries(parts).map(([name, value]) => `${name}: ${value}`);
  return `export default { rookery: 1, kind: 'transform', ${lines.join(',\n')} };`;
}

function open(...allowed: string[]): Plugins {
  const plugins = openPlugins({
    allowed,
    root: folder.root,
    memoryMb: 512,
    fitMs: 30_000,
    callMs: 30_000,
    script: folder.script,
  });
  opened.push(plugins);
  return plugins;
}

const table: Table = createTable([
  { name: 'x', type: 'numeric', values: Float64Array.of(1, 3, 5, NaN, 100, Infinity) },
  { name: 't', type: 'categorical', codes: Int32Array.of(0, -1, 1, 0, 0, 1), categories: ['a', 'b'] },
]);
const train = [0, 1, 2];
const kinds = [
  { name: 'x', type: 'numeric' },
  { name: 't', type: 'categorical' },
] as const;
const asked = (plugin: string, options: unknown = {}) => ({
  plugin,
  name: 'd',
  columns: ['x', 't'],
  keep: false,
  options,
});

async function errorOf(promise: Promise<unknown>): Promise<RookeryError> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RookeryError)) throw new Error(`expected a refusal, not ${String(error)}`);
  return error;
}

async function fitted(plugins: Plugins, plugin: string, options: unknown = {}) {
  const step = await plugins.settleStep(asked(plugin, options), kinds, 'preprocessing.plugins[0]');
  const columns = [
    { name: 'x', type: 'numeric', values: Float64Array.of(1, 3, 5) },
    { name: 't', type: 'categorical', values: ['a', null, 'b'] },
  ] as const;
  return plugins.fitStep(step, columns, 3, 7, 'fit of d for fold 2');
}

describe('a step of preprocessing that is a plug-in', () => {
  it('is fitted on the training rows, and what it makes goes through the steps of the pipeline, the same floats row by row', async () => {
    folder.write('distances', distances());
    const plugins = open('distances');
    const { fitted: step, made } = await fitted(plugins, 'distances', { scale: 2 });
    expect(step).toMatchObject({ name: 'd', outputs: ['d__far', 'd__told'], options: { scale: 2 } });
    expect(made.map(({ values }) => Array.from(values))).toEqual([
      [-4, 0, 4],
      [1, NaN, 1],
    ]);
    const spec = readPreprocessing({
      numeric: { scaler: 'none' },
      plugins: [{ plugin: 'distances', name: 'd', columns: ['x', 't'] }],
      columns: { d__told: { imputer: 'constant', fillValue: 0, scaler: 'none' } },
    });
    const rows = [0, 1, 2, 3, 4, 5];
    const whole = fitPipelineOn(plugins, spec!, step);
    const transformer = await whole;
    const extended = await withPluginColumns(plugins, transformer, table, rows, 'evaluation of fold 2');
    const { data, width } = transformRows(transformer, extended, rows);
    expect(width).toBe(2);
    // What is missing is what it was in training: the mean of −4, 0 and 4 for the number.
    expect(Array.from(data)).toEqual([-4, 1, 0, 0, 4, 1, 0, 1, 194, 1, 0, 1]);
    for (const row of rows) {
      const alone = await withPluginColumns(plugins, transformer, table, [row], 'one row');
      const one = transformRows(transformer, alone, [row]).data;
      expect(one).toEqual(data.slice(row * width, (row + 1) * width));
    }
  });

  async function fitPipelineOn(
    plugins: Plugins,
    spec: NonNullable<ReturnType<typeof readPreprocessing>>,
    step: Awaited<ReturnType<typeof fitted>>['fitted'],
  ) {
    const bare = {
      version: 2,
      inputs: [],
      branches: [],
      featureNames: [],
      width: 0,
      codes: [],
      plugins: [step],
    } as const;
    const extended = await withPluginColumns(plugins, bare, table, train, 'fit');
    const target = { kind: 'regression', values: Float64Array.of(0, 0, 0) } as never;
    return {
      ...fitPipeline(extended, train, spec, { features: [...step.outputs], target }),
      plugins: [step],
    };
  }

  it.each<[string, string, unknown, string, string]>([
    ['an unknown option', 'distances', { colour: 1 }, 'options.colour', 'scale'],
    ['a wrong option', 'distances', { scale: 0 }, 'options.scale', 'at least 0.5'],
    ['a model in its place', 'a-model', {}, 'plugin', 'modelSpec'],
  ])('is refused with %s, by the name of the field', async (_, plugin, options, field, words) => {
    folder.write('distances', distances());
    folder.write('a-model', classifier());
    const error = await errorOf(
      open('distances', 'a-model').settleStep(asked(plugin, options), kinds, 'preprocessing.plugins[0]'),
    );
    expect(error.code).toBe('RK_PREPROCESSING_INVALID');
    expect(error.details['field']).toBe(`preprocessing.plugins[0].${field}`);
    expect(error.message).toContain(words);
  });

  it('is refused where it is named as a model', async () => {
    folder.write('distances', distances());
    const problem = { task: 'regression', classes: [], outputs: 1, features: ['x'] } as const;
    expect(await errorOf(open('distances').settle({ plugin: 'distances' }, problem, 1))).toMatchObject({
      code: 'RK_SPEC_INVALID',
      details: { field: 'plugin' },
    });
  });

  it.each<[string, Record<string, string>, string, string]>([
    ['throws in fit', { fit: `() => { throw new Error('no luck') }` }, 'RK_PLUGIN_FAILED', 'no luck'],
    ['gives no bytes', { fit: '() => 1' }, 'RK_PLUGIN_OUTPUT', 'number'],
    ['names nothing', { featureNames: '() => []' }, 'RK_PLUGIN_OUTPUT', 'features'],
    ['names two features alike', { featureNames: `() => ['a', 'a']` }, 'RK_PLUGIN_OUTPUT', 'alike'],
    ['names a feature that is no name', { featureNames: `() => ['a b', 'c']` }, 'RK_PLUGIN_OUTPUT', 'a b'],
    ['gives too few numbers', { transform: '() => [1]' }, 'RK_PLUGIN_OUTPUT', '1 numbers for 3 rows'],
    [
      'gives what is no number',
      { transform: '(l, c, rows) => Array(rows * 2).fill(Infinity)' },
      'RK_PLUGIN_OUTPUT',
      'Infinity',
    ],
    ['exits', { transform: '() => process.exit(4)' }, 'RK_PLUGIN_FAILED', 'exit code 4'],
  ])('that %s fails with the reason', async (_, replaced, code, words) => {
    folder.write('odd', distances(replaced));
    const error = await errorOf(fitted(open('odd'), 'odd'));
    expect(error.code).toBe(code);
    for (const part of [words, 'odd 1.0.0', 'fold 2']) expect(error.message).toContain(part);
  });

  it('of other content than recorded is not applied', async () => {
    folder.write('aging', distances());
    const { fitted: step } = await fitted(open('aging'), 'aging');
    folder.write('aging', `${distances()}\n// newer`, '1.0.1');
    expect(await errorOf(open('aging').openStep(step, 'serving'))).toMatchObject({
      code: 'RK_PLUGIN_CHANGED',
    });
  });
});
