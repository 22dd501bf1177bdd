import { TerminalError } from '@rookery/contracts';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import { Task } from '@rookery/proto/rookery/domain/v1/data';

import type { PluginSpec } from './plugin-spec.js';

/** The word for the format of a trained model whose weights are the state of a plug-in. */
export const pluginFormat = 'plugin';

/** The artifact of a fitted plug-in: in the place of weights it has the bytes that `fit` gave. */
export function trainedPlugin(
  spec: PluginSpec,
  state: Uint8Array,
  shape: { readonly inputs: number; readonly outputs: number },
): TrainedModel {
  const { inputs, outputs } = shape;
  return {
    format: pluginFormat,
    topologyJson: '',
    weightSpecs: [],
    weights: Buffer.from(state.buffer, state.byteOffset, state.byteLength),
    spec: { ...structuredClone(spec) },
    inputs,
    outputs,
    task:
      spec.task === 'regression'
        ? Task.TASK_REGRESSION
        : outputs === 2
          ? Task.TASK_BINARY
          : Task.TASK_MULTICLASS,
    backend: pluginFormat,
  };
}

/** Specification of a trained model in the format of plug-ins. Throws RK_MODEL_CORRUPT where it has none that is whole. */
export function specOfTrained(trained: Pick<TrainedModel, 'spec' | 'inputs' | 'outputs'>): PluginSpec {
  const spec = trained.spec as Partial<PluginSpec> | undefined;
  const { plugin, options, task } = spec ?? {};
  const whole =
    typeof plugin?.name === 'string' &&
    typeof plugin.version === 'string' &&
    typeof plugin.sha256 === 'string' &&
    typeof options === 'object' &&
    (task === 'classification' || task === 'regression') &&
    trained.inputs > 0 &&
    trained.outputs > 0;
  if (whole) return spec as PluginSpec;
  throw new TerminalError('RK_MODEL_CORRUPT', 'The trained model of a plug-in has no whole specification.');
}
