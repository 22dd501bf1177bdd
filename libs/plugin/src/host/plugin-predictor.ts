import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import type { ModelProblem } from '../interface/model-plugin.js';
import type { InstalledPlugin } from '../packages/installed-plugin.js';
import type { PluginSpec } from '../plugin-spec.js';
import { checkedOutputs } from './check-outputs.js';
import { pluginError } from './plugin-errors.js';
import type { PluginProcess } from './plugin-process.js';

/** A fitted plug-in that answers. */
export interface PluginPredictor {
  readonly inputs: number;
  readonly outputs: number;
  /**
   * Outputs for rows of features, row-major. Rejects with RK_PLUGIN_OUTPUT (NaN, another number of numbers, no probabilities) and what
   * {@link PluginProcess.call} rejects with. A process that died is started again by the next call.
   */
  predict(features: Float32Array, rows: number, what: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** What a predictor is made of. */
export interface PredictorParts {
  readonly plugin: InstalledPlugin;
  readonly spec: PluginSpec;
  readonly trained: Pick<TrainedModel, 'weights' | 'inputs' | 'outputs'>;
  readonly problem: ModelProblem;
  readonly callMs: number;
  /** A process in which the plug-in is loaded. */
  readonly start: (what: string) => Promise<PluginProcess>;
}

/** Rows of one call: each has its own time. */
const rowsOfCall = 1_024;

/** A predictor whose process is running and has loaded the state. Rejects as the plug-in's `load` does. */
export async function openPredictor(parts: PredictorParts, what: string): Promise<PluginPredictor> {
  const { plugin, spec, trained, problem, callMs } = parts;
  const { inputs, outputs } = trained;
  const options = { timeoutMs: callMs };
  const loaded = async (step: string): Promise<PluginProcess> => {
    const process = await parts.start(step);
    try {
      const state = new Uint8Array(trained.weights);
      await process.call({ kind: 'load', state, options: spec.options, problem }, { ...options, what: step });
      return process;
    } catch (error) {
      await process.close();
      throw error;
    }
  };
  let closed = false;
  let current: Promise<PluginProcess> = loaded(what);
  await current;
  /** The process, or a new one where it has ended: for all who ask at that moment the same. */
  const ready = async (step: string): Promise<PluginProcess> => {
    const asked = current;
    const process = await asked.catch(() => undefined);
    if (process?.alive || closed) return asked;
    if (current === asked) current = loaded(step);
    return current;
  };
  return {
    inputs,
    outputs,
    async predict(features, rows, step) {
      const all = new Float32Array(rows * outputs);
      for (let from = 0; from < rows; from += rowsOfCall) {
        const count = Math.min(rowsOfCall, rows - from);
        // A copy: the array may be a part of a larger one, which would go along.
        const slice = features.slice(from * inputs, (from + count) * inputs);
        const process = await ready(step);
        const answers = await process.call(
          { kind: 'predict', rows: { features: slice, rows: count, width: inputs } },
          { ...options, what: step },
        );
        const checked = checkedOutputs(answers, count, problem);
        if (typeof checked === 'string') throw pluginError('RK_PLUGIN_OUTPUT', plugin, step, checked);
        all.set(checked, from * outputs);
      }
      return all;
    },
    async close() {
      closed = true;
      await current.then(
        (process) => process.close(),
        () => undefined,
      );
    },
  };
}
