import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { openPlugins } from '../src/index.js';
import type { CheckedPlugin, Plugins } from '../src/index.js';
import { classifier, exampleFolder, pluginFolder } from './support/built-child.js';
import type { PluginFolder } from './support/built-child.js';

let folder: PluginFolder;
let plugins: Plugins;

beforeAll(async () => {
  folder = await pluginFolder();
});
afterEach(() => plugins.close());
afterAll(() => folder.remove());

function open(allowed: readonly string[], callMs = 30_000): Plugins {
  const { root, script } = folder;
  plugins = openPlugins({ allowed, root, memoryMb: 512, fitMs: 30_000, callMs, script });
  return plugins;
}

const named = (found: readonly CheckedPlugin[], name: string): CheckedPlugin | undefined =>
  found.find(({ plugin }) => plugin.name === name);

describe('the plug-ins that are allowed', () => {
  it('are told with name, version, hash, kind and what they are for', async () => {
    folder.write('one', classifier({ tasks: "['classification']" }), '1.0.0');
    folder.write('other', classifier(), '1.1.0');
    const found = await open(['one', 'other', exampleFolder('tfidf'), exampleFolder('knn')]).check();
    const sha256 = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    expect(found).toEqual([
      {
        plugin: { name: 'one', version: '1.0.0', sha256 },
        state: 'loads',
        kind: 'model',
        tasks: ['classification'],
        forNewRuns: true,
      },
      {
        plugin: { name: 'other', version: '1.1.0', sha256 },
        state: 'loads',
        kind: 'model',
        tasks: ['classification', 'regression'],
        forNewRuns: true,
      },
      {
        plugin: { name: 'rookery-plugin-tfidf', version: '1.0.0', sha256 },
        state: 'loads',
        kind: 'transform',
        forNewRuns: true,
      },
      expect.objectContaining({ kind: 'model', state: 'loads' }),
    ]);
  });

  it('are told of two versions, the first for new runs', async () => {
    const folders = ['2.0.0', '1.0.0'].map((version) => {
      const path = folder.write(`double-${version}`, classifier(), version);
      const manifest = { name: 'double', version, type: 'module' };
      writeFileSync(join(path, 'package.json'), JSON.stringify(manifest));
      return path;
    });
    const found = await open(folders).check();
    expect(found.map(({ plugin, forNewRuns }) => [plugin.name, plugin.version, forNewRuns])).toEqual([
      ['double', '2.0.0', true],
      ['double', '1.0.0', false],
    ]);
  });

  it.each<[string, string, string, string]>([
    ['throws when it is loaded', `throw new Error('no luck')`, 'RK_PLUGIN_FAILED', 'no luck'],
    ['is no plug-in', 'export default { rookery: 2 }', 'RK_PLUGIN_FAILED', 'version 2 of the interface'],
    ['exits', 'process.exit(9)', 'RK_PLUGIN_FAILED', 'exit code 9'],
  ])('are told with the reason where one %s, and the others beside it', async (_, code, expected, words) => {
    folder.write('broken', code);
    folder.write('sound', classifier());
    const found = await open(['broken', 'sound', 'not-there']).check();
    expect(named(found, 'broken')).toMatchObject({ state: 'fails', error: { code: expected } });
    expect(named(found, 'broken')?.error?.message).toContain(words);
    expect(named(found, 'sound')).toMatchObject({ state: 'loads' });
    expect(named(found, 'not-there')).toMatchObject({
      plugin: { version: '', sha256: '' },
      state: 'fails',
      forNewRuns: false,
      error: { code: 'RK_PLUGIN_INVALID' },
    });
  });

  it('are loaded once however many ask', async () => {
    const path = join(folder.root, 'loads.txt');
    folder.write(
      'counted',
      `import { appendFileSync } from 'node:fs'; appendFileSync(${JSON.stringify(path)}, 'x'); ${classifier()}`,
    );
    const { check } = open(['counted']);
    const answers = await Promise.all([check(), check(), check()]);
    answers.push(await check());
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(readFileSync(path, 'utf8')).toBe('x');
  });

  it('are told at once where one hangs: it is being checked, and what it came to later', async () => {
    folder.write('hanging', 'for (;;);');
    const { check } = open(['hanging'], 6_000);
    expect(await check()).toMatchObject([{ plugin: { name: 'hanging' }, state: 'checking' }]);
    await expect
      .poll(check, { timeout: 60_000, interval: 10 })
      .toMatchObject([{ state: 'fails', error: { code: 'RK_PLUGIN_TIMEOUT' } }]);
  });

  it('are none where none is allowed', async () => {
    expect(await open([]).check()).toEqual([]);
  });
});
