import type { PluginRef } from '@rookery/proto/rookery/domain/v1/data';
import { PluginKind, PluginState } from '@rookery/proto/rookery/transform/v1/transform';
import type { AllowedPlugin } from '@rookery/proto/rookery/transform/v1/transform';

import { hintOf } from './error-view.js';

/** A plug-in that a request may name. */
export interface PluginView extends PluginRef {
  readonly kind: 'model' | 'transform' | '';
  readonly tasks: readonly string[];
  readonly state: 'checking' | 'loads' | 'fails';
  readonly forNewRuns: boolean;
  /** Why it does not load; null where nothing is wrong with it. */
  readonly error: { readonly code: string; readonly message: string; readonly hint: string } | null;
}

const kinds: Readonly<Record<number, PluginView['kind']>> = {
  [PluginKind.PLUGIN_KIND_MODEL]: 'model',
  [PluginKind.PLUGIN_KIND_TRANSFORM]: 'transform',
};
const states: Readonly<Record<number, PluginView['state']>> = {
  [PluginState.PLUGIN_STATE_LOADS]: 'loads',
  [PluginState.PLUGIN_STATE_CHECKING]: 'checking',
};

/** A plug-in as the list shows it. */
export function pluginView({
  plugin,
  kind,
  state,
  tasks,
  forNewRuns,
  code,
  message,
}: AllowedPlugin): PluginView {
  return {
    name: plugin?.name ?? '',
    version: plugin?.version ?? '',
    sha256: plugin?.sha256 ?? '',
    kind: kinds[kind] ?? '',
    tasks,
    state: states[state] ?? 'fails',
    forNewRuns,
    error: code === '' ? null : { code, message, hint: hintOf(code) },
  };
}
