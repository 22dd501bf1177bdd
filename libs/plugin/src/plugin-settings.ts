import type { PluginSettings } from './host/plugins.js';

/** Variables of a service that runs plug-ins, as service-kit reads them. */
export interface PluginVariables {
  readonly ROOKERY_PLUGINS: readonly string[] | undefined;
  readonly ROOKERY_PLUGIN_ROOT: string;
  readonly ROOKERY_PLUGIN_MEMORY_MB: number;
  readonly ROOKERY_PLUGIN_FIT_MS: number;
  readonly ROOKERY_PLUGIN_CALL_MS: number;
}

/** The settings that a service's configuration means; `script` is its bundled main program of a plug-in's process. */
export function pluginSettings(config: PluginVariables, script: URL): PluginSettings {
  return {
    allowed: config.ROOKERY_PLUGINS ?? [],
    root: config.ROOKERY_PLUGIN_ROOT,
    memoryMb: config.ROOKERY_PLUGIN_MEMORY_MB,
    fitMs: config.ROOKERY_PLUGIN_FIT_MS,
    callMs: config.ROOKERY_PLUGIN_CALL_MS,
    script,
  };
}
