import { mkdirSync, writeFileSync } from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { events } from '@rookery/contracts';
import { ReproductionState, RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';
import { eventually } from './support/waiting.js';

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

/** Rows of the fits of this test: the final model has all of them, so this fails in the held-out evaluation alone. */
const misbehaviours: readonly Misbehaviour[] = [
  { what: 'throws', code: 'RK_PLUGIN_FAILED', words: 'no luck today', parts: { fit: `() => { throw new Error('no luck today') }` } },
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
    parts: { predict: `(model, { rows }) => { if (rows > 16) throw new Error('too many'); return Array(rows).fill([...model]).flat(); }` },
  },
];

/** Answers as the shares of the classes do, but loops for ever for the rows of one island. */
const moody = misbehaving({
  predict: `(model, { rows, width, features }) => {
    for (let row = 0; row < rows; row++) while (features[row * width] > 100);
    return Array.from({ length: rows }, () => [...model]).flat();
  }`,
});

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
    writePlugin('moody', moody),
    ...misbehaviours.map(({ what, parts }) => writePlugin(what, misbehaving(parts))),
  ];
  writePlugin('not-allowed', misbehaving({}));
  world = await startTestSystem({
    env: {
      ROOKERY_PLUGINS: allowed.join(','),
      ROOKERY_PLUGIN_ROOT: folder,
      ROOKERY_PLUGIN_MEMORY_MB: '192',
      ROOKERY_PLUGIN_FIT_MS: '5000',
      ROOKERY_PLUGIN_CALL_MS: '5000',
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

describe('a run whose model is a plug-in', () => {
  it('is cross-validated, promoted and served; its lineage names the code; trained again it gives the same bits', async () => {
    const { runId, version } = await world.serve({
      ...penguins,
      name: 'neighbours',
      modelSpec: { plugin: 'rookery-plugin-knn', options: { k: 3, weights: 'distance' } },
    });
    const [answer] = await world.client.predict('neighbours', [penguin]);
    expect(answer).toMatchObject({ version: version.version, label: 'Gentoo' });
    const plugin = { name: 'rookery-plugin-knn', version: '1.0.0', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) };
    expect(version.lineage?.modelSpec).toMatchObject({
      plugin,
      options: { k: 3, weights: 'distance', metric: 'euclidean' },
    });
    expect(version.lineage?.environment).toMatchObject({ backend: 'plugin', engine: 'rookery-plugin-knn' });
    expect(version.metrics['accuracy']?.mean).toBeGreaterThan(0.95);

    const reproduction = await world.client.reproduceRun({ runId, actor: 'test' });
    const end = await world.tap.wait(
      events.runReproduced,
      ({ reproductionId }) => reproductionId === reproduction.reproductionId,
      'the reproduction',
    );
    expect(end.data).toMatchObject({ equal: true, differences: [] });
    expect(end.data.jobs).toHaveLength(6);
    expect(ReproductionState).toBeDefined();
  });
});
