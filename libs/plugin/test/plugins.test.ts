import { appendFileSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';

import { RookeryError } from '@rookery/contracts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openPlugins, trainedPlugin } from '../src/index.js';
import type { ModelProblem, PluginSettings, PluginSpec, Plugins } from '../src/index.js';
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

const problem: ModelProblem = { task: 'classification', classes: ['a', 'b'], outputs: 2, features: ['x'] };
const rows = {
  features: Float32Array.of(1, 2, 3, 4),
  rows: 4,
  width: 1,
  targets: Int32Array.of(0, 0, 0, 1),
};

function open(allowed: readonly string[], settings: Partial<PluginSettings> = {}): Plugins {
  const plugins = openPlugins({
    allowed,
    root: folder.root,
    memoryMb: 512,
    fitMs: 30_000,
    callMs: 30_000,
    script: folder.script,
    ...settings,
  });
  opened.push(plugins);
  return plugins;
}

interface Fitting {
  readonly state: Promise<Uint8Array>;
  readonly spec: PluginSpec;
}

async function fit(
  plugins: Plugins,
  name: string,
  options: Record<string, unknown> = {},
  signal = new AbortController().signal,
  onEpoch: (report: { epoch: number }) => void = () => undefined,
): Promise<Fitting> {
  const spec = await plugins.settle({ plugin: name, options }, problem, 7);
  const state = plugins.fit({ spec, rows, problem, seed: 7, signal, onEpoch, what: 'fold 3' });
  state.catch(() => undefined);
  return { state, spec };
}

async function errorOf(promise: Promise<unknown>): Promise<RookeryError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RookeryError) return error;
    throw error;
  }
  throw new Error('It did not fail.');
}

describe('a plug-in', () => {
  it('is fitted, tells of its epochs, and answers in another process from its state alone', async () => {
    folder.write(
      'shares',
      classifier({
        fit: `({ targets }, options, { problem, epoch }) => {
          const shares = new Float32Array(problem.outputs);
          for (const target of targets) shares[target] += 1 / targets.length;
          epoch({ epoch: 1, loss: 0.5, metric: 0.25 });
          epoch({ epoch: 2, loss: NaN });
          return new Uint8Array(shares.buffer);
        }`,
      }),
    );
    const plugins = open(['shares']);
    const epochs: unknown[] = [];
    const { state, spec } = await fit(plugins, 'shares', {}, undefined, (report) => epochs.push(report));
    expect(new Float32Array(Uint8Array.from(await state).buffer)).toEqual(Float32Array.of(0.75, 0.25));
    // A loss that is no number can't go into an event.
    expect(epochs).toEqual([
      { epoch: 1, loss: 0.5, metric: 0.25 },
      { epoch: 2, loss: 0 },
    ]);
    expect(spec).toMatchObject({
      plugin: { name: 'shares', version: '1.0.0' },
      options: {},
      epochs: 1,
      seed: 7,
    });
    const trained = trainedPlugin(spec, await state, { inputs: 1, outputs: 2 });
    const predictor = await plugins.open(trained, problem, 'evaluation');
    const many = 2_500;
    const answers = await predictor.predict(new Float32Array(many), many, 'evaluation');
    expect(answers).toHaveLength(2 * many);
    expect(Array.from(answers.subarray(2 * many - 2))).toEqual([0.75, 0.25]);
  });

  it('draws the same numbers by the same seed, also where it asks Math.random, and others by another', async () => {
    const draw = `(rows, options, { random }) => {
      const drawn = Float64Array.of(random(), Math.random(), random());
      return new Uint8Array(drawn.buffer);
    }`;
    folder.write(
      'drawing',
      classifier({ fit: draw, predict: '(model, { rows }) => Array(rows * 2).fill(0.5)' }),
    );
    const plugins = open(['drawing']);
    const one = await (await fit(plugins, 'drawing')).state;
    const { spec } = await fit(plugins, 'drawing');
    const again = (seed: number): Promise<Uint8Array> =>
      plugins.fit({
        spec,
        rows,
        problem,
        seed,
        signal: new AbortController().signal,
        onEpoch: () => undefined,
        what: 'fold 0',
      });
    expect(await again(7)).toEqual(one);
    expect(await again(8)).not.toEqual(one);
  });

  it('knows nothing of the environment of the service', async () => {
    const tell = `() => new TextEncoder().encode(Object.keys(process.env).join(','))`;
    folder.write('curious', classifier({ fit: tell, load: '() => [0.5, 0.5]' }));
    const state = await (await fit(open(['curious']), 'curious')).state;
    expect(new TextDecoder().decode(state)).toBe('TZ');
  });
});

describe('a plug-in that misbehaves costs its own call alone:', () => {
  const bad: readonly [string, Record<string, string>, string, string][] = [
    [
      'throws in fit',
      { fit: `() => { throw new Error('no luck today') }` },
      'RK_PLUGIN_FAILED',
      'no luck today',
    ],
    ['throws what is no error', { fit: '() => { throw 42 }' }, 'RK_PLUGIN_FAILED', '42'],
    [
      'throws where nobody waits',
      { fit: `() => new Promise(() => setImmediate(() => { throw new Error('stray') }))` },
      'RK_PLUGIN_FAILED',
      'stray',
    ],
    [
      'rejects where nobody waits',
      { fit: `() => { void Promise.reject(new Error('adrift')); return new Promise(() => {}) }` },
      'RK_PLUGIN_FAILED',
      'adrift',
    ],
    ['calls process.exit', { fit: '() => process.exit(0)' }, 'RK_PLUGIN_FAILED', 'exit code 0'],
    ['aborts its process', { fit: '() => process.abort()' }, 'RK_PLUGIN_FAILED', 'SIGABRT'],
    ['gives no bytes', { fit: `() => 'a state'` }, 'RK_PLUGIN_OUTPUT', 'string'],
    ['throws in load', { load: `() => { throw new Error('unreadable') }` }, 'RK_PLUGIN_FAILED', 'unreadable'],
    [
      'answers NaN',
      { predict: '(m, { rows }) => new Float32Array(rows * 2).fill(NaN)' },
      'RK_PLUGIN_OUTPUT',
      'NaN',
    ],
    ['answers too few numbers', { predict: '() => [1]' }, 'RK_PLUGIN_OUTPUT', '1 numbers for 4 rows'],
    ['answers no list', { predict: '() => undefined' }, 'RK_PLUGIN_OUTPUT', 'undefined'],
    [
      'answers what is no probability',
      { predict: '(m, { rows }) => Array(rows).fill([2, -1]).flat()' },
      'RK_PLUGIN_OUTPUT',
      '2 as a probability',
    ],
    [
      'answers what can not be sent',
      { predict: '() => [() => 1]' },
      'RK_PLUGIN_FAILED',
      'could not be cloned',
    ],
  ];
  it.each(bad.map(([what, replaced, code, words], index) => ({ what, replaced, code, words, index })))(
    '$what → $code',
    async ({ replaced, code, words, index }) => {
      const name = `bad-${index}`;
      folder.write(name, classifier(replaced), '2.3.4');
      const error = await errorOf((await fit(open([name]), name)).state);
      expect(error.code).toBe(code);
      expect(error.message).toContain(words);
      for (const part of [name, '2.3.4', 'fold 3']) expect(error.message).toContain(part);
      expect(error.details).toMatchObject({ plugin: name, version: '2.3.4' });
    },
  );

  it.each([
    ['in a loop without end', '() => { for (;;); }'],
    ['for a promise that never settles', '() => new Promise(() => {})'],
  ])('hangs %s → RK_PLUGIN_TIMEOUT', async (_, code) => {
    folder.write('hanging', classifier({ fit: code }));
    const error = await errorOf((await fit(open(['hanging'], { fitMs: 300 }), 'hanging')).state);
    expect(error.code).toBe('RK_PLUGIN_TIMEOUT');
    expect(error.message).toContain('300 ms');
  });

  it('hangs when it is loaded → RK_PLUGIN_TIMEOUT', async () => {
    folder.write('hanging-module', 'for (;;);');
    const error = await errorOf(
      open(['hanging-module'], { callMs: 500 }).settle({ plugin: 'hanging-module' }, problem, 1),
    );
    expect(error.code).toBe('RK_PLUGIN_TIMEOUT');
    expect(error.message).toContain('loading');
  });

  it.each([
    [
      'in the heap of V8',
      `() => { const all = []; for (;;) all.push({ a: [1, 2, 3], b: String(all.length) }); }`,
    ],
    ['outside of the heap', `() => { const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1)); }`],
  ])('leaks %s → RK_PLUGIN_MEMORY', async (_, code) => {
    folder.write('leaking', classifier({ fit: code }));
    const error = await errorOf((await fit(open(['leaking'], { memoryMb: 160 }), 'leaking')).state);
    expect(error.code).toBe('RK_PLUGIN_MEMORY');
    expect(error.message).toContain('leaking 1.0.0');
  });

  it('prints without end, and is heard', async () => {
    const noisy = `() => { for (let i = 0; i < 20000; i++) console.log('x'.repeat(100)); return new Uint8Array(8); }`;
    folder.write('noisy', classifier({ fit: noisy, load: '() => [0.5, 0.5]' }));
    await expect((await fit(open(['noisy']), 'noisy')).state).resolves.toHaveLength(8);
  });
});

describe('a fit', () => {
  it('that is stopped ends with the reason, though the plug-in does not listen', async () => {
    const never = `(rows, options, { epoch }) => { epoch({ epoch: 1, loss: 1 }); return new Promise((_, end) => setImmediate(() => { for (;;); })) }`;
    folder.write('deaf', classifier({ fit: never }));
    const stop = new AbortController();
    const { state } = await fit(open(['deaf']), 'deaf', {}, stop.signal, () =>
      stop.abort(new Error('cancelled')),
    );
    await expect(state).rejects.toThrow('cancelled');
  });

  it('can end by itself when it is stopped', async () => {
    const listening = `(rows, options, { epoch, signal }) => new Promise((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('well then')));
      epoch({ epoch: 1, loss: 1 });
    })`;
    folder.write('listening', classifier({ fit: listening }));
    const stop = new AbortController();
    const { state } = await fit(open(['listening']), 'listening', {}, stop.signal, () =>
      stop.abort(new Error('cancelled')),
    );
    await expect(state).rejects.toThrow('cancelled');
  });

  it('is given up as retryable where its service stops', async () => {
    folder.write(
      'waiting',
      classifier({
        fit: `(r, o, { epoch }) => { epoch({ epoch: 1, loss: 1 }); return new Promise(() => {}) }`,
      }),
    );
    const plugins = open(['waiting']);
    const { state } = await fit(plugins, 'waiting', {}, undefined, () => void plugins.close());
    expect(await errorOf(state)).toMatchObject({ code: 'RK_PLUGIN_UNAVAILABLE' });
  });
});

describe('a predictor', () => {
  it('whose plug-in hangs fails that call alone: those behind it are answered by another process', async () => {
    const moody =
      '(model, { rows, features }) => { while (features[0] === 9); return Array(rows).fill([1, 0]).flat(); }';
    folder.write('moody', classifier({ predict: moody }));
    const plugins = open(['moody'], { callMs: 1_000 });
    const { state, spec } = await fit(plugins, 'moody');
    const trained = trainedPlugin(spec, await state, { inputs: 1, outputs: 2 });
    const predictor = await plugins.open(trained, problem, 'serving');
    const bad = errorOf(predictor.predict(Float32Array.of(9), 1, 'prediction'));
    const behind = predictor.predict(Float32Array.of(1), 1, 'prediction');
    expect((await bad).code).toBe('RK_PLUGIN_TIMEOUT');
    expect(await behind).toEqual(Float32Array.of(1, 0));
    expect(await predictor.predict(Float32Array.of(2), 1, 'prediction')).toEqual(Float32Array.of(1, 0));
  });

  it('that is closed answers no more', async () => {
    folder.write('closing', classifier());
    const plugins = open(['closing']);
    const { state, spec } = await fit(plugins, 'closing');
    const predictor = await plugins.open(
      trainedPlugin(spec, await state, { inputs: 1, outputs: 2 }),
      problem,
      'serving',
    );
    await predictor.close();
    expect(await errorOf(predictor.predict(Float32Array.of(1), 1, 'prediction'))).toMatchObject({
      code: 'RK_PLUGIN_UNAVAILABLE',
    });
  });
});

describe('what may be named', () => {
  it('is what the operator allows, and nothing else, whatever lies on the disk', async () => {
    const path = folder.write('present', classifier());
    folder.write('allowed', classifier());
    const plugins = open(['allowed']);
    for (const name of ['present', path, '../present', './node_modules/present', 'node:fs', '']) {
      const error = await errorOf(plugins.settle({ plugin: name }, problem, 1));
      expect(error).toMatchObject({ code: 'RK_PLUGIN_NOT_ALLOWED' });
      expect(error.message).toContain('allowed: allowed');
    }
    expect((await errorOf(open([]).settle({ plugin: 'present' }, problem, 1))).message).toContain('none is');
  });

  it('can be a folder, and says what is wrong with an entry that is no package', async () => {
    const path = folder.write('by-folder', classifier());
    mkdirSync(join(folder.root, 'empty'), { recursive: true });
    const plugins = open([path, './empty', 'nowhere', './gone']);
    expect(plugins.list.installed.map(({ name }) => name)).toEqual(['by-folder']);
    expect(plugins.list.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('package.json'),
      expect.stringContaining('no node_modules'),
      expect.stringContaining('there is no folder'),
    ]);
    expect(await errorOf(plugins.settle({ plugin: 'nowhere' }, problem, 1))).toMatchObject({
      code: 'RK_PLUGIN_INVALID',
    });
    expect((await plugins.settle({ plugin: 'by-folder' }, problem, 1)).plugin.name).toBe('by-folder');
  });

  it.each([
    ['without a default export', 'export const a = 1;', 'no default export'],
    ['for another interface', 'export default { rookery: 2 };', 'version 2 of the interface'],
    ['without fit', `export default { rookery: 1, kind: 'model' };`, 'no function fit'],
    ['of another kind', `export default { rookery: 1, kind: 'robot' };`, 'robot'],
    ['with a rule of no type', classifier({ options: `{ k: { type: 'colour' } }` }), '"k" has no rule'],
    [
      'with a default beyond its rule',
      classifier({ options: `{ k: { type: 'integer', max: 3, default: 4 } }` }),
      'default of its option "k"',
    ],
    ['that is no JavaScript', 'this is prose', 'Unexpected'],
  ])('is not a module %s', async (_, code, words) => {
    folder.write('no-plugin', code);
    const error = await errorOf(open(['no-plugin']).settle({ plugin: 'no-plugin' }, problem, 1));
    expect(error.code).toBe('RK_PLUGIN_FAILED');
    expect(error.message).toContain(words);
  });
});

describe('a recorded plug-in', () => {
  it('of other content is refused, by version and hash, and served where the recorded one is listed too', async () => {
    const older = folder.write('growing', classifier(), '1.0.0');
    const { state, spec } = await fit(open(['growing']), 'growing');
    const trained = trainedPlugin(spec, await state, { inputs: 1, outputs: 2 });
    const kept = join(folder.root, 'growing-1.0.0');
    renameSync(older, kept);
    folder.write('growing', `${classifier()}\n// a comment is another content`, '1.1.0');
    const changed = open(['growing']);
    const error = await errorOf(changed.open(trained, problem, 'serving'));
    expect(error.code).toBe('RK_PLUGIN_CHANGED');
    for (const part of ['growing 1.0.0', 'growing 1.1.0']) expect(error.message).toContain(part);
    await expect(
      errorOf(
        changed.fit({
          spec,
          rows,
          problem,
          seed: 7,
          signal: new AbortController().signal,
          onEpoch: () => undefined,
          what: 'fold 0',
        }),
      ),
    ).resolves.toMatchObject({ code: 'RK_PLUGIN_CHANGED' });
    const both = open(['growing', './growing-1.0.0']);
    expect((await both.settle({ plugin: 'growing' }, problem, 1)).plugin.version).toBe('1.1.0');
    const predictor = await both.open(trained, problem, 'serving');
    expect(await predictor.predict(Float32Array.of(1), 1, 'prediction')).toEqual(Float32Array.of(0.75, 0.25));
  });

  it('whose files change under the running service is not run', async () => {
    const path = folder.write('edited', classifier());
    const plugins = open(['edited']);
    await plugins.settle({ plugin: 'edited' }, problem, 1);
    appendFileSync(join(path, 'index.js'), '\n// edited');
    expect(await errorOf(plugins.settle({ plugin: 'edited' }, problem, 1))).toMatchObject({
      code: 'RK_PLUGIN_CHANGED',
    });
  });
});

describe('a specification', () => {
  const options = `{
    k: { type: 'integer', min: 1, max: 9, default: 5 },
    rate: { type: 'number', min: 0, default: 0.5 },
    epochs: { type: 'integer', min: 1, default: 3 },
    kind: { type: 'choice', of: ['round', 'square'], default: 'round' },
    strict: { type: 'flag', default: false },
    title: { type: 'text', maxLength: 3, default: 'abc' },
  }`;
  const check = `({ k }, { features }) => { if (k > features.length) throw Object.assign(new Error('k is too large'), { field: 'k' }); }`;
  const settle = async (given: Record<string, unknown>, asked = problem): Promise<PluginSpec> => {
    folder.write('choosy', classifier({ options, check, tasks: `['classification']` }));
    return open(['choosy']).settle(
      { plugin: 'choosy', ...given },
      { ...asked, features: ['a', 'b', 'c'] },
      11,
    );
  };

  it('is completed by the rules of the plug-in, and complete is itself', async () => {
    const spec = await settle({ options: { k: 2, kind: 'square' }, epochs: 8 });
    expect(spec).toEqual({
      task: 'classification',
      plugin: { name: 'choosy', version: '1.0.0', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      options: { k: 2, rate: 0.5, epochs: 8, kind: 'square', strict: false, title: 'abc' },
      epochs: 8,
      seed: 11,
    });
    expect(await settle({ ...spec })).toEqual(spec);
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['an unknown option', { options: { colour: 1 } }, 'options.colour', 'there are k, rate'],
    ['too much', { options: { k: 10 } }, 'options.k', 'a whole number from 1 to 9, not 10'],
    ['no whole number', { options: { k: 1.5 } }, 'options.k', '1.5'],
    ['too little', { options: { rate: -1, k: 1 } }, 'options.rate', 'at least 0'],
    ['none of the choices', { options: { kind: 'oval' } }, 'options.kind', 'round, square'],
    ['no flag', { options: { strict: 'yes' } }, 'options.strict', 'true or false'],
    ['a long text', { options: { title: 'abcd' } }, 'options.title', '3 characters'],
    ['options that are no object', { options: [1] }, 'options', 'object'],
    ['a layer', { layers: [{}] }, 'layers', 'not known beside a plug-in'],
    ['a short form that is no option', { batchSize: 8 }, 'batchSize', 'no option'],
    ['another task', { task: 'regression' }, 'task', 'classification'],
    [
      'a version that is not there',
      { plugin: { name: 'choosy', version: '9.0.0' } },
      'plugin.version',
      '9.0.0',
    ],
    ['a plug-in that is no name', { plugin: 7 }, 'plugin', 'name'],
    ['what its own check refuses', { options: { k: 4 } }, 'options.k', 'k is too large'],
  ])('with %s is refused by the name of the field', async (_, given, field, words) => {
    const error = await errorOf(settle(given));
    expect(error.code).toBe('RK_SPEC_INVALID');
    expect(error.details['field']).toBe(field);
    expect(error.message).toContain(words);
  });

  it('for a task that the plug-in is not for is refused', async () => {
    const error = await errorOf(settle({}, { task: 'regression', classes: [], outputs: 1, features: [] }));
    expect(error).toMatchObject({ code: 'RK_SPEC_INVALID', details: { field: 'plugin' } });
  });
});
