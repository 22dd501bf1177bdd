import type { PluginRef } from '@rookery/proto/rookery/domain/v1/data';
import { pluginStepsOf } from '@rookery/tabular';
import type { FittedTransformer } from '@rookery/tabular';

/** The plug-ins that a run uses, each once: those of its preprocessing in their order, then its model's. */
export function pluginsOfRun(
  transformer: FittedTransformer | undefined,
  spec: { readonly plugin?: PluginRef },
): PluginRef[] {
  const steps = transformer === undefined ? [] : pluginStepsOf(transformer);
  const used = [...steps.map(({ plugin }) => plugin), ...(spec.plugin === undefined ? [] : [spec.plugin])];
  const bySha256 = new Map(used.map(({ name, version, sha256 }) => [sha256, { name, version, sha256 }]));
  return [...bySha256.values()];
}
