import { TerminalError, toRookeryError } from '@rookery/contracts';
import type { FittedPluginStep, MadeColumn, PluginStepSpec, RawColumn } from '@rookery/tabular';

import { completeOptions } from '../complete-options.js';
import type { ColumnKind } from '../interface/transform-plugin.js';
import type { InstalledPlugin } from '../packages/installed-plugin.js';
import type { PluginList } from '../packages/plugin-list.js';
import { askedPlugin, namedPlugin } from '../plugin-spec.js';
import { pluginError } from './plugin-errors.js';
import type { PluginProcess } from './plugin-process.js';
import { openStep } from './plugin-step.js';
import type { OpenStep } from './plugin-step.js';
import type { StartPlugin } from './plugins.js';

/** A step that can be fitted: its code is chosen and its options are complete. */
export type SettledStep = Omit<FittedPluginStep, 'state' | 'outputs'>;

/** Steps of preprocessing that are code of users. */
export interface PluginSteps {
  /** The step of a request; `field` is its place there. Rejects with RK_PREPROCESSING_INVALID naming the field, and RK_PLUGIN_… */
  settleStep(spec: PluginStepSpec, columns: readonly ColumnKind[], field: string): Promise<SettledStep>;
  /** A step fitted on these rows, and what it makes of them. Rejects with RK_PLUGIN_… */
  fitStep(
    step: SettledStep,
    columns: readonly RawColumn[],
    rows: number,
    seed: number,
    what: string,
  ): Promise<{ readonly fitted: FittedPluginStep; readonly made: readonly MadeColumn[] }>;
  /** A fitted step that makes columns; the caller closes it. Rejects with RK_PLUGIN_CHANGED …, or the reason of the signal. */
  openStep(fitted: FittedPluginStep, what: string, signal?: AbortSignal): Promise<OpenStep>;
}

/** What a step may keep: it is a part of the transformer, which is JSON. */
const mostStateBytes = 8 * 1024 * 1024;

/** The part of a service's plug-ins that makes columns. */
export function pluginSteps(parts: {
  readonly list: PluginList;
  readonly fitMs: number;
  readonly callMs: number;
  readonly start: StartPlugin;
}): PluginSteps {
  const { list, fitMs, callMs, start } = parts;
  const begin =
    (plugin: InstalledPlugin) =>
    async (what: string): Promise<PluginProcess> =>
      (await start(plugin, what)).process;
  return {
    async settleStep(spec, columns, field) {
      const refuse = (at: string, problem: string): never => {
        throw new TerminalError('RK_PREPROCESSING_INVALID', `${field}.${at} ${problem}.`, {
          details: { field: `${field}.${at}` },
        });
      };
      const plugin = askedPlugin(list, namedPlugin(spec), refuse);
      const { name, version, sha256 } = plugin;
      const what = `check of ${field}`;
      const { process, description } = await start(plugin, what);
      try {
        if (description.kind !== 'transform') refuse('plugin', `is ${name}, a model: name it in modelSpec`);
        const options = completeOptions(description.options, spec.options, 'options', refuse);
        await process
          .call({ kind: 'check', options, of: columns }, { what, timeoutMs: callMs })
          .catch((thrown: unknown) => {
            const error = toRookeryError(thrown);
            const option = error.details['field'];
            if (error.code !== 'RK_PLUGIN_FAILED' || option === undefined) throw error;
            throw new TerminalError('RK_PREPROCESSING_INVALID', error.message, {
              details: { ...error.details, field: `${field}.options.${option}` },
            });
          });
        return { plugin: { name, version, sha256 }, name: spec.name, columns: [...columns], options };
      } finally {
        await process.close();
      }
    },
    async fitStep(settled, columns, rows, seed, what) {
      const plugin = list.recorded(settled.plugin);
      const { process } = await start(plugin, what);
      let state: unknown;
      try {
        const { options } = settled;
        const request = { kind: 'fit-step', columns, rows, options, seed } as const;
        state = await process.call(request, { what, timeoutMs: fitMs });
      } finally {
        await process.close();
      }
      if (!(state instanceof Uint8Array) || state.length > mostStateBytes) {
        const given = state instanceof Uint8Array ? `a state of ${state.length} bytes` : typeof state;
        const problem = `gave ${given} where a Uint8Array of at most ${mostStateBytes} bytes is due`;
        throw pluginError('RK_PLUGIN_OUTPUT', plugin, what, problem);
      }
      const step = { ...settled, state: Buffer.from(state).toString('base64') };
      // In another process, as it will be served: what is not in the state is not there.
      const open = await openStep({ plugin, step, callMs, start: begin(plugin) }, what);
      try {
        return { fitted: { ...step, outputs: open.outputs }, made: await open.apply(columns, rows, what) };
      } finally {
        await open.close();
      }
    },
    async openStep(fitted, what, signal) {
      signal?.throwIfAborted();
      const plugin = list.recorded(fitted.plugin);
      return openStep({ plugin, step: fitted, callMs, start: begin(plugin) }, what);
    },
  };
}
