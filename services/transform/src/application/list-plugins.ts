import type { CheckedPlugin, Plugins } from '@rookery/plugin';
import { PluginKind, PluginState } from '@rookery/proto/rookery/transform/v1/transform';
import type { AllowedPlugin, ListPluginsResponse } from '@rookery/proto/rookery/transform/v1/transform';

const states: Readonly<Record<CheckedPlugin['state'], PluginState>> = {
  checking: PluginState.PLUGIN_STATE_CHECKING,
  loads: PluginState.PLUGIN_STATE_LOADS,
  fails: PluginState.PLUGIN_STATE_FAILS,
};

/** Handler of TransformService.ListPlugins: the list that requests are held to, each plug-in with what it is. */
export function listPlugins(plugins: Pick<Plugins, 'check'>): () => Promise<ListPluginsResponse> {
  return async () => ({ plugins: (await plugins.check()).map(allowedPlugin) });
}

function allowedPlugin(checked: CheckedPlugin): AllowedPlugin {
  const { plugin, forNewRuns, state, kind, tasks = [], error } = checked;
  return {
    plugin,
    forNewRuns,
    state: states[state],
    kind:
      kind === undefined
        ? PluginKind.PLUGIN_KIND_UNSPECIFIED
        : kind === 'model'
          ? PluginKind.PLUGIN_KIND_MODEL
          : PluginKind.PLUGIN_KIND_TRANSFORM,
    tasks: [...tasks],
    code: error?.code ?? '',
    message: error?.message ?? '',
  };
}
