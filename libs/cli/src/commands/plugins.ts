import { PluginKind, PluginState } from '@rookery/proto/rookery/transform/v1/transform';
import type { AllowedPlugin } from '@rookery/proto/rookery/transform/v1/transform';
import { Command } from 'commander';

import { output } from '../output.js';
import { printable } from '../printable.js';
import { renderTable } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery plugins`: the plug-ins that a request may name, and whether they load. */
export function pluginsCommand(): Command {
  return new Command('plugins')
    .description('List the plug-ins that a request may name, and whether they load')
    .option('--json', 'JSON')
    .action(async (flags: { json?: boolean }) => {
      await withClient(async (client) => {
        const plugins = await client.plugins();
        output(flags.json, plugins.map(plainPlugin), () => pluginTable(plugins));
      });
    });
}

/** A plug-in as JSON shows it. */
export function plainPlugin({
  plugin,
  kind,
  state,
  tasks,
  forNewRuns,
  code,
  message,
}: AllowedPlugin): object {
  const { name = '', version = '', sha256 = '' } = plugin ?? {};
  const error = code === '' ? {} : { code, message };
  return {
    name,
    version,
    sha256,
    kind: kindWord(kind),
    tasks,
    state: stateWord(state),
    forNewRuns,
    ...error,
  };
}

/** The plug-ins as a table, and below it why some do not load. */
export function pluginTable(plugins: readonly AllowedPlugin[]): string {
  if (plugins.length === 0)
    return 'No plug-in is allowed; ROOKERY_PLUGINS lists them (docs/contracts/plugins.md).';
  const rows = plugins.map(({ plugin, kind, tasks, state, forNewRuns }) => [
    printable(plugin?.name ?? ''),
    printable(plugin?.version || '–'),
    kindWord(kind) || '–',
    tasks.map(printable).join(', ') || '–',
    stateWord(state),
    forNewRuns ? 'yes' : 'no',
    plugin?.sha256 || '–',
  ]);
  const faults = plugins
    .filter(({ code }) => code !== '')
    .map(({ code, message }) => `${code}: ${printable(message)}`);
  const text = renderTable(['PLUG-IN', 'VERSION', 'KIND', 'TASKS', 'STATE', 'NEW RUNS', 'SHA256'], rows);
  return [text, ...(faults.length > 0 ? ['', ...faults] : [])].join('\n');
}

function kindWord(kind: PluginKind): string {
  if (kind === PluginKind.PLUGIN_KIND_MODEL) return 'model';
  return kind === PluginKind.PLUGIN_KIND_TRANSFORM ? 'transform' : '';
}

function stateWord(state: PluginState): string {
  if (state === PluginState.PLUGIN_STATE_LOADS) return 'loads';
  return state === PluginState.PLUGIN_STATE_CHECKING ? 'checking' : 'fails';
}
