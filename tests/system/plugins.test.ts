import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { openArtifacts } from '@rookery/artifacts';
import { events } from '@rookery/contracts';
import { FoldBundle } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { ColumnType } from '@rookery/proto/rookery/domain/v1/data';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

let folder: string;
let world: TestSystem;

/** A plug-in that answers with the shares of the classes, with some functions replaced. */
function misbehaving(replaced: Readonly<Record<string, string>>): string {
  const parts: Record<string, string> = {
    fit: `({ targets }, options, { problem }) => {
      const shares = new Float32Array(problem.outputs);
      for (const target of targets) shares[target] += 1 / targets.length;
      return new Uint8Array(shares.buffer);
    }`,
    load: '(state) => new Float32Array(state.slice().buffer)',
    predict: '(model, { rows }) => Array.from({ length: rows }, () => [...model]).flat()',
    ...replaced,
  };
  const lines = Object.entries(parts).map(([name, value]) => `${name}: ${value}`);
  return `export default { rookery: 1, kind: 'model', ${lines.join(',\n')} };\n`;
}

interface Misbehaviour {
  readonly what: string;
  readonly code: string;
  readonly words: string;
  readonly parts: Readonly<Record<string, string>>;
}

const misbehaviours: readonly Misbehaviour[] = [
  {
    what: 'throws',
    code: 'RK_PLUGIN_FAILED',
    words: 'no luck today',
    parts: { fit: `() => { throw new Error('no luck today') }` },
  },
  { what: 'hangs', code: 'RK_PLUGIN_TIMEOUT', words: 'fit of', parts: { fit: '() => { for (;;); }' } },
  {
    what: 'leaks',
    code: 'RK_PLUGIN_MEMORY',
    words: 'memory',
    parts: { fit: '() => { const all = []; for (;;) all.push(Buffer.alloc(1 << 20, 1)); }' },
  },
  { what: 'exits', code: 'RK_PLUGIN_FAILED', words: 'exit code 3', parts: { fit: '() => process.exit(3)' } },
  {
    what: 'answers-nan',
    code: 'RK_PLUGIN_OUTPUT',
    words: 'NaN',
    parts: { predict: '(model, { rows }) => new Float32Array(rows * 3).fill(NaN)' },
  },
  {
    what: 'answers-too-little',
    code: 'RK_PLUGIN_OUTPUT',
    words: 'numbers for',
    parts: { predict: '() => new Float32Array(1)' },
  },
  {
    what: 'hangs-in-predict',
    code: 'RK_PLUGIN_TIMEOUT',
    words: 'prediction',
    parts: { predict: '() => { for (;;); }' },
  },
  {
    what: 'throws-in-evaluation',
    code: 'RK_PLUGIN_FAILED',
    words: 'evaluation of',
    // The proof after a fit has 16 rows, the held-out rows of a fold are more.
    parts: {
      predict: `(model, { rows }) => { if (rows > 16) throw new Error('too many'); return Array(rows).fill([...model]).flat(); }`,
    },
  },
];

/** Answers as the shares of the classes do, but loops for ever for the rows of one island. */
const moody = misbehaving({
  predict: `(model, { rows, width, features }) => {
    for (let row = 0; row < rows; row++) while (features[row * width] > 100);
    return Array.from({ length: rows }, () => [...model]).flat();
  }`,
});

/** Makes the length of a text; loops for ever where it is a certain one, and throws in a fit with the option that asks for it. */
const letters = `export default {
  rookery: 1,
  kind: 'transform',
  options: { fail: { type: 'flag', default: false } },
  fit: (columns, { fail }) => {
    if (fail) throw new Error('no letters today');
    return new Uint8Array();
  },
  load: () => null,
  featureNames: () => ['length'],
  transform: (loaded, [{ values }]) => {
    while (values.includes('loop for ever'));
    return values.map((text) => (text === null ? NaN : text.length));
  },
};
`;

/** A table whose class stands in the words of a note. */
function writeNotes(path: string): void {
  const words = {
    warm: ['sun', 'sand', 'palm'],
    cold: ['ice', 'snow', 'wind'],
    wet: ['rain', 'pond', 'mud'],
  };
  const lines = Array.from({ length: 180 }, (_, row) => {
    const [name, own] = Object.entries(words)[row % 3]!;
    const note = [own[row % 2], 'and', own[(row % 2) + 1], 'seen', `at ${row}`].join(' ');
    return `${row % 29 === 0 ? '' : note},${(row * 7) % 11},${name}`;
  });
  writeFileSync(path, `note,size,weather\n${lines.join('\n')}\n`);
}

function writePlugin(name: string, code: string): string {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, version: '1.2.3', type: 'module' }));
  writeFileSync(join(path, 'index.js'), code);
  return path;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'rookery-plugins-'));
  const allowed = [
    join(repositoryRoot, 'examples', 'plugins', 'knn'),
    join(repositoryRoot, 'examples', 'plugins', 'tfidf'),
    writePlugin('moody', moody),
    writePlugin('letters', letters),
    writePlugin('edited', misbehaving({})),
    ...misbehaviours.map(({ what, parts }) => writePlugin(what, misbehaving(parts))),
  ];
  writePlugin('not-allowed', misbehaving({}));
  world = await startTestSystem({
    env: {
      ROOKERY_PLUGINS: allowed.join(','),
      ROOKERY_PLUGIN_ROOT: folder,
      ROOKERY_PLUGIN_MEMORY_MB: '192',
      ROOKERY_PLUGIN_FIT_MS: '8000',
      ROOKERY_PLUGIN_CALL_MS: '8000',
    },
  });
});

afterAll(async () => {
  await world?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const penguins = { uri: exampleUri('penguins.csv'), target: 'species' };
const penguin = {
  island: 'Biscoe',
  culmen_length_mm: 50,
  culmen_depth_mm: 15,
  flipper_length_mm: 220,
  body_mass_g: 5000,
  sex: 'MALE',
};
/** A bill of a kilometre: the first feature, standardised, is far beyond all others. */
const giant = { ...penguin, culmen_length_mm: 1_000_000 };

const neighbours = {
  ...penguins,
  name: 'neighbours',
  modelSpec: { plugin: 'rookery-plugin-knn', options: { k: 3, weights: 'distance' } },
};

describe('a run whose model is a plug-in', () => {
  it('is cross-validated, promoted and served; its lineage names the code; trained again it gives the same bits', async () => {
    const { runId, version } = await world.serve(neighbours);
    const [answer] = await world.client.predict('neighbours', [penguin]);
    expect(answer).toMatchObject({ version: version.version, label: 'Gentoo' });
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    expect(version.lineage?.modelSpec).toMatchObject({
      plugin: { name: 'rookery-plugin-knn', version: '1.0.0', sha256 },
      options: { k: 3, weights: 'distance', metric: 'euclidean' },
    });
    expect(version.lineage?.plugins).toEqual([{ name: 'rookery-plugin-knn', version: '1.0.0', sha256 }]);
    expect(version.lineage?.environment).toMatchObject({ backend: 'plugin', engine: 'rookery-plugin-knn' });
    expect(version.metrics['accuracy']?.mean).toBeGreaterThan(0.95);
    const [served] = world.tap.seen(events.inferenceSwapped, ({ model }) => model === 'neighbours');
    expect(served?.data.engine).toBe('plugin');

    const watch = await world.client.runControl.follow(runId);
    const begun = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const ended = await within(watch.ended(begun.reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(ended).toMatchObject({ state: 'equal', differences: [] });
    expect(ended.jobs).toHaveLength(6);
  });

  it('gives way to a network and comes back, by the same swap', async () => {
    const { version } = await world.serve({
      ...penguins,
      name: 'neighbours',
      gate: { metric: '', allowWorseThanChampion: true },
    });
    expect(version.version).toBe(2);
    expect(await world.client.predict('neighbours', [penguin])).toMatchObject([{ version: 2 }]);
    await world.client.rollBack({ model: 'neighbours', actor: 'test', reason: 'neighbours were better' });
    await eventually(async () => {
      const [answer] = await world.client.predict('neighbours', [penguin]);
      return answer?.version === 1 && answer.label === 'Gentoo' ? true : undefined;
    }, 'the plug-in answers again');
  });

  it('can be searched: over the options of the plug-in', async () => {
    const { runId, version } = await world.serve({
      ...penguins,
      name: 'searched',
      folds: 3,
      modelSpec: { plugin: 'rookery-plugin-knn' },
      search: { strategy: 'grid', space: { 'modelSpec.options.k': [1, 5, 60, 1000] } },
    });
    const { attempts, result } = await world.client.search(runId);
    // More neighbours than training rows: that trial has its reason, the others go on.
    expect(attempts.map(({ code }) => code)).toEqual(['', '', '', 'RK_PLUGIN_FAILED']);
    expect(version.metrics['accuracy']?.mean).toBe(result?.bestScore);
    expect(version.lineage?.modelSpec).toMatchObject({
      options: { k: result?.bestPoint?.['modelSpec.options.k'] },
    });
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['is not allowed', { plugin: 'not-allowed' }, 'RK_PLUGIN_NOT_ALLOWED', 'rookery-plugin-knn'],
    ['is a path', { plugin: '../../etc/passwd' }, 'RK_PLUGIN_NOT_ALLOWED', 'not allowed'],
    [
      'has no such option',
      { plugin: 'rookery-plugin-knn', options: { neighbours: 3 } },
      'RK_SPEC_INVALID',
      'options.neighbours',
    ],
    [
      'has a wrong option',
      { plugin: 'rookery-plugin-knn', options: { k: 0 } },
      'RK_SPEC_INVALID',
      'options.k',
    ],
    ['has layers too', { plugin: 'rookery-plugin-knn', layers: [{}] }, 'RK_SPEC_INVALID', 'layers'],
  ])('fails before any job where the plug-in %s', async (_, modelSpec, code, words) => {
    const { end, runId } = await world.run({ ...penguins, name: 'refused', modelSpec });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure).toMatchObject({ code, step: 'transform' });
    expect(end.failure.message).toContain(words);
    expect(world.tap.seen(events.foldJob, (job) => job.runId === runId)).toEqual([]);
  });
});

describe('a run whose preprocessing is a plug-in', () => {
  const notes = (): { uri: string; target: string; columnTypes: Record<string, ColumnType> } => {
    const path = join(world.directory, 'notes.csv');
    writeNotes(path);
    return {
      uri: pathToFileURL(path).href,
      target: 'weather',
      columnTypes: { note: ColumnType.COLUMN_TYPE_CATEGORICAL },
    };
  };
  const words = {
    plugin: 'rookery-plugin-tfidf',
    name: 'words',
    columns: ['note'],
    options: { maxFeatures: 20 },
  };
  const told = { note: 'snow and wind seen at 7', size: 3 };

  it('learns from its numbers, serves by the same code, and has it in its lineage; trained again it gives the same bits', async () => {
    const { runId, version } = await world.serve({
      ...notes(),
      name: 'weather',
      preprocessing: { plugins: [words], columns: { size: 'drop' } },
      epochs: 60,
    });
    expect(version.metrics['accuracy']?.mean).toBeGreaterThan(0.9);
    expect(version.signature?.features.map(({ name }) => name)).toEqual(['note']);
    const [cold, warm, unknown] = await world.client.predict('weather', [
      { note: told.note },
      { note: 'sand and palm seen at 7' },
      { note: null },
    ]);
    expect([cold?.label, warm?.label]).toEqual(['cold', 'warm']);
    expect(unknown?.label).toMatch(/warm|cold|wet/);
    expect(version.lineage?.request?.preprocessing).toMatchObject({
      plugins: [{ plugin: 'rookery-plugin-tfidf' }],
    });
    const artifacts = await openArtifacts({ url: 'nats:', nc: world.nats });
    const [job] = world.tap.seen(events.foldJob, (data) => data.runId === runId);
    const bundle = FoldBundle.decode(await artifacts.get(job?.data.bundle?.sha256 ?? ''));
    expect(JSON.parse(bundle.transformerJson)).toMatchObject({
      plugins: [
        { plugin: { name: 'rookery-plugin-tfidf', version: '1.0.0', sha256: expect.any(String) as string } },
      ],
    });
    const watch = await world.client.runControl.follow(runId);
    const begun = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const ended = await within(watch.ended(begun.reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(ended).toMatchObject({ state: 'equal', differences: [] });
  });

  it('can have a plug-in as its model too, and other columns beside', async () => {
    const { version } = await world.serve({
      ...notes(),
      name: 'weather-neighbours',
      folds: 3,
      preprocessing: { plugins: [words], numeric: { scaler: 'min_max' } },
      modelSpec: { plugin: 'rookery-plugin-knn' },
    });
    expect(version.lineage?.plugins.map(({ name }) => name)).toEqual([
      'rookery-plugin-tfidf',
      'rookery-plugin-knn',
    ]);
    const [cold] = await world.client.predict('weather-neighbours', [told]);
    expect(cold?.label).toBe('cold');
  });

  it.each<[string, Record<string, unknown>, string, string]>([
    ['is not allowed', { plugin: 'not-allowed', columns: ['note'] }, 'RK_PLUGIN_NOT_ALLOWED', 'not-allowed'],
    [
      'has a wrong option',
      { ...words, options: { minRows: 0 } },
      'RK_PREPROCESSING_INVALID',
      'plugins[0].options.minRows',
    ],
    [
      'takes no such column',
      { ...words, columns: ['notes'] },
      'RK_PREPROCESSING_INVALID',
      'plugins[0].columns[0]',
    ],
    [
      'throws',
      { plugin: 'letters', columns: ['note'], options: { fail: true } },
      'RK_PLUGIN_FAILED',
      'fold 0',
    ],
  ])('fails where the plug-in %s', async (_, step, code, text) => {
    const request = { ...notes(), name: 'weather-refused', preprocessing: { plugins: [step] } };
    const { end } = await world.run(request);
    const said =
      end.state === 'failed' ? end.failure : end.state === 'dataset-rejected' ? end.rejection : undefined;
    expect(said).toMatchObject({ code });
    expect(said?.message).toContain(text);
  });

  it('costs a prediction that loops that call alone', async () => {
    await world.serve({
      ...notes(),
      name: 'lengths',
      folds: 2,
      gate: { metric: '', threshold: 0, allowWorseThanChampion: false },
      preprocessing: { plugins: [{ plugin: 'letters', name: 'letters', columns: ['note'] }] },
    });
    const hanging = world.client.predict('lengths', [{ note: 'loop for ever', size: 1 }]).then(
      () => undefined,
      (error: unknown) => error,
    );
    const behind = world.client.predict('lengths', [told]);
    expect(await world.client.predict('weather-neighbours', [told])).toHaveLength(1);
    expect(await hanging).toMatchObject({ code: 'RK_PLUGIN_TIMEOUT' });
    expect(await behind).toHaveLength(1);
    expect(await world.unhealthy()).toEqual([]);
  });
});

describe('a plug-in that misbehaves', () => {
  it('fails its own run with the reason, whatever it does; a run beside it is promoted, and no service is restarted', async () => {
    const bad = Promise.all(
      misbehaviours.map(async ({ what }) => ({
        what,
        ...(await world.run({ ...penguins, name: what, folds: 2, modelSpec: { plugin: what } })),
      })),
    );
    const { runId } = await world.serve({ ...penguins, name: 'beside' });
    expect((await world.client.run(runId)).state).toBe(RunState.RUN_STATE_PROMOTED);
    for (const { what, end } of await bad) {
      const expected = misbehaviours.find((one) => one.what === what);
      if (end.state !== 'failed') throw new Error(`${what} ended as ${end.state}`);
      expect([what, end.failure.code]).toEqual([what, expected?.code]);
      expect(end.failure.message).toContain(expected?.words);
      // The plug-in, its version, and the part of the run.
      expect(end.failure.message).toContain(`${what} 1.2.3`);
      expect(end.failure.message).toMatch(/fold \d|final model/);
    }
    expect(await world.unhealthy()).toEqual([]);
    expect(world.notes).toEqual([]);
  });

  it('in a prediction costs that call alone: other rows, other models and the replica go on', async () => {
    await world.serve({
      ...penguins,
      name: 'moody',
      modelSpec: { plugin: 'moody' },
      gate: { metric: '', threshold: 0.1, allowWorseThanChampion: false },
    });
    expect(await world.client.predict('moody', [penguin])).toHaveLength(1);
    const hanging = world.client.predict('moody', [giant]).then(
      () => undefined,
      (error: unknown) => error as Error & { code: string },
    );
    const beside = await world.client.predict('neighbours', Array<typeof penguin>(50).fill(penguin));
    expect(beside.map(({ label }) => label)).toEqual(Array(50).fill('Gentoo'));
    expect(await hanging).toMatchObject({ code: 'RK_PLUGIN_TIMEOUT' });
    expect(await world.client.predict('moody', [penguin])).toHaveLength(1);
    expect(await world.unhealthy()).toEqual([]);
    expect(world.notes).toEqual([]);
  });

  it('and is changed on the disk is not run any more: new runs and reproductions say so, what is loaded serves on', async () => {
    const { runId } = await world.serve({
      ...penguins,
      name: 'edited',
      folds: 2,
      modelSpec: { plugin: 'edited' },
      gate: { metric: '', threshold: 0.1, allowWorseThanChampion: false },
    });
    appendFileSync(join(folder, 'edited', 'index.js'), '// another content\n');
    const watch = await world.client.runControl.follow(runId);
    const begun = await world.client.runControl.reproduce({ runId, actor: 'test' });
    const ended = await within(watch.ended(begun.reproductionId), 'the reproduction', 60_000);
    await watch.stop();
    expect(ended.state).toBe('incomplete');
    expect(ended.jobs.map(({ code }) => code)).toEqual(Array(3).fill('RK_PLUGIN_CHANGED'));
    const { end } = await world.run({ ...penguins, name: 'edited', modelSpec: { plugin: 'edited' } });
    if (end.state !== 'failed') throw new Error(`the run ended as ${end.state}`);
    expect(end.failure.code).toBe('RK_PLUGIN_CHANGED');
    expect(await world.client.predict('edited', [penguin])).toHaveLength(1);
  });
});
