import { AllowedPlugin, PluginKind, PluginState } from '@rookery/proto/rookery/transform/v1/transform';
import { describe, expect, it } from 'vitest';

import { plainPlugin, pluginTable } from '../src/commands/plugins.js';

const sha256 = 'a'.repeat(64);
const knn = AllowedPlugin.fromPartial({
  plugin: { name: 'rookery-plugin-knn', version: '1.0.0', sha256 },
  state: PluginState.PLUGIN_STATE_LOADS,
  kind: PluginKind.PLUGIN_KIND_MODEL,
  tasks: ['classification', 'regression'],
  forNewRuns: true,
});
const gone = AllowedPlugin.fromPartial({
  plugin: { name: './gone\u001b[2J' },
  state: PluginState.PLUGIN_STATE_FAILS,
  code: 'RK_PLUGIN_INVALID',
  message: "The plug-in ./gone can't be used: there is no folder.",
});

describe('rookery plugins', () => {
  it('tells name, version, whole hash, kind, tasks and whether each loads, and below it why one does not', () => {
    const lines = pluginTable([knn, gone]).split('\n');
    expect(lines[1]).toMatch(
      new RegExp(`^rookery-plugin-knn +1\\.0\\.0 +model +classification, regression +loads +yes +${sha256}$`),
    );
    expect(lines[2]).toContain('fails');
    expect(lines.at(-1)).toMatch(/^RK_PLUGIN_INVALID: The plug-in \.\/gone/);
  });

  it('writes nothing that steers a terminal', () => {
    expect(pluginTable([gone])).not.toContain('\u001b');
  });

  it('says how to allow one where there is none', () => {
    expect(pluginTable([])).toContain('ROOKERY_PLUGINS');
  });

  it('gives JSON with words for kind and state, and a code only where it fails', () => {
    expect(plainPlugin(knn)).toEqual({
      name: 'rookery-plugin-knn',
      version: '1.0.0',
      sha256,
      kind: 'model',
      tasks: ['classification', 'regression'],
      state: 'loads',
      forNewRuns: true,
    });
    expect(plainPlugin(gone)).toMatchObject({ state: 'fails', code: 'RK_PLUGIN_INVALID' });
  });
});
