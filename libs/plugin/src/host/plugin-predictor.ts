import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { ModelProblem } from '../interface/model-plugin.js';
import type { InstalledPlugin } from '../packages/installed-plugin.js';
import type { PluginSpec } from '../plugin-spec.js';
import { checkedOutputs } from './check-outputs.js';
import { openLoaded } from './loaded-process.js';
import type { LoadedParts } from './loaded-process.js';
import { pluginError } from './plugin-errors.js';

/** A fitted plug-in that answers. */
export interface PluginPredictor {
  readonly inputs: number;
  readonly outputs: number;
  /**
   * Outputs for rows of features, row-major. Rejects with RK_PLUGIN_OUTPUT (NaN, another number of numbers, no probabilities) and what
   * the process of a plug-in rejects with. A process that died is started again by the next call.
   */
  predict(features: Float32Array, rows: number, what: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** What a predictor is made of. */
export interface PredictorParts extends Omit<LoadedParts, 'load'> {
  readonly plugin: InstalledPlugin;
  readonly spec: PluginSpec;
  readonly trained: Pick<TrainedModel, 'weights' | 'inputs' | 'outputs'>;
  readonly problem: ModelProblem;
}

/** Rows of one call: each has its own time. */
export const rowsOfCall = 1_024;

/** A predictor whose process is running and has loaded the state. Rejects as the plug-in's `load` does. */
export async function openPredictor(parts: PredictorParts, what: string): Promise<PluginPredictor> {
  const { plugin, spec, trained, problem, callMs, start } = parts;
  const { inputs, outputs } = trained;
  const { options } = spec;
  const loaded = await openLoaded(
    {
      callMs,
      start,
      load: (process, step) => {
        const state = new Uint8Array(trained.weights);
        return process.call({ kind: 'load', state, options, problem }, { what: step, timeoutMs: callMs });
      },
    },
    what,
  );
  return {
    inputs,
    outputs,
    async predict(features, rows, step) {
      const all = new Float32Array(rows * outputs);
      for (let from = 0; from < rows; from += rowsOfCall) {
        const count = Math.min(rowsOfCall, rows - from);
        // A copy: the array may be a part of a larger one, which would go along.
        const slice = features.slice(from * inputs, (from + count) * inputs);
        const request = { kind: 'predict', rows: { features: slice, rows: count, width: inputs } } as const;
        const checked = checkedOutputs(await loaded.call(request, step), count, problem);
        if (typeof checked === 'string') throw pluginError('RK_PLUGIN_OUTPUT', plugin, step, checked);
        all.set(checked, from * outputs);
      }
      return all;
    },
    close: () => loaded.close(),
  };
}
