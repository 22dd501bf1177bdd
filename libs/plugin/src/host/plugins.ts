import { TerminalError, toRookeryError } from '@rookery/contracts';
import type { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

import { refuseOption } from '../complete-options.js';
import { askedPlugin, completePluginSpec, namedPlugin } from '../plugin-spec.js';
import type { PluginSpec } from '../plugin-spec.js';
import type { EpochReport, ModelProblem, TrainingRows } from '../interface/model-plugin.js';
import { contentHash } from '../packages/content-hash.js';
import type { InstalledPlugin } from '../packages/installed-plugin.js';
import { readPluginList } from '../packages/plugin-list.js';
import type { PluginList } from '../packages/plugin-list.js';
import { specOfTrained } from '../trained-plugin.js';
import { pluginChecks } from './plugin-checks.js';
import type { CheckedPlugin } from './plugin-checks.js';
import { pluginError } from './plugin-errors.js';
import { openPredictor } from './plugin-predictor.js';
import type { PluginPredictor } from './plugin-predictor.js';
import { PluginProcess } from './plugin-process.js';
import { pluginSteps } from './plugin-steps.js';
import type { PluginSteps } from './plugin-steps.js';
import type { PluginDescription } from './protocol.js';

/** How plug-ins are run. */
export interface PluginSettings {
  /** Packages or folders that are allowed. */
  readonly allowed: readonly string[];
  /** Where packages are looked for, and what folders are relative to. */
  readonly root: string;
  /** Most memory of one process, MiB. */
  readonly memoryMb: number;
  /** Longest fit, milliseconds. */
  readonly fitMs: number;
  /** Longest loading, check or prediction of up to 1024 rows, milliseconds. */
  readonly callMs: number;
  /** The bundled main program of a process. */
  readonly script: URL;
}

/** A fit that a plug-in is asked for. */
export interface PluginFit {
  readonly spec: PluginSpec;
  readonly rows: TrainingRows;
  readonly problem: ModelProblem;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly onEpoch: (report: EpochReport) => void;
  /** For messages: "fold 3". */
  readonly what: string;
}

/** The plug-ins of a service: all that it does with them. Each fit and each loaded model has a process of its own. */
export interface Plugins extends PluginSteps {
  readonly list: Pick<PluginList, 'installed' | 'faults'>;
  /** The complete specification of a request's. Rejects with RK_SPEC_INVALID naming the field, RK_PLUGIN_NOT_ALLOWED, and what a plug-in's process rejects with. */
  settle(given: Readonly<Record<string, unknown>>, problem: ModelProblem, seed: number): Promise<PluginSpec>;
  /** The state of the fitted model, which has answered for some of its rows already. Rejects with RK_PLUGIN_CHANGED, RK_PLUGIN_OUTPUT … */
  fit(fit: PluginFit): Promise<Uint8Array>;
  /** A fitted model that answers; the caller closes it. Rejects with RK_PLUGIN_CHANGED, RK_MODEL_CORRUPT … */
  open(
    trained: Pick<TrainedModel, 'spec' | 'weights' | 'inputs' | 'outputs'>,
    problem: Pick<ModelProblem, 'classes' | 'features'>,
    what: string,
  ): Promise<PluginPredictor>;
  /** Every plug-in that is allowed, and whether it loads; see {@link pluginChecks}. */
  check(): Promise<CheckedPlugin[]>;
  /** Ends all processes. */
  close(): Promise<void>;
}

/** Starts a process in which a plug-in is loaded. */
export type StartPlugin = (
  plugin: InstalledPlugin,
  what: string,
  signal?: AbortSignal,
) => Promise<{ process: PluginProcess; description: PluginDescription }>;

/** Rows by which a fitted model shows that it can answer, before it is stored. */
const rowsOfProof = 16;
/** What one artifact and one message between processes should bear. */
const mostStateBytes = 200 * 1024 * 1024;

/** Takes a line of the log. */
export interface PluginLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Reads the list of allowed plug-ins and logs what is there and what can't be used; no code of them is run yet. */
export function openPlugins(settings: PluginSettings, logger?: PluginLogger): Plugins {
  const { memoryMb, fitMs, callMs, script } = settings;
  const list = readPluginList(settings.allowed, settings.root);
  for (const { name, version, sha256 } of list.installed)
    logger?.info({ plugin: name, version, sha256 }, 'a plug-in may be used');
  for (const err of list.faults) logger?.error({ err }, 'a plug-in that is allowed can not be used');
  const running = new Set<PluginProcess>();

  const start: StartPlugin = async (plugin, what, signal) => {
    mustBeUnchanged(plugin, what);
    const process = new PluginProcess(script, plugin, memoryMb);
    running.add(process);
    void process.ended.then(() => running.delete(process));
    try {
      const request = { kind: 'open', entry: plugin.entry } as const;
      const step = `loading for the ${what}`;
      const description = await process.call(request, {
        what: step,
        timeoutMs: callMs,
        ...(signal === undefined ? {} : { signal }),
      });
      return { process, description };
    } catch (error) {
      await process.close();
      throw error;
    }
  };

  const open: Plugins['open'] = async (trained, { classes, features }, what) => {
    const spec = specOfTrained(trained);
    const plugin = list.recorded(spec.plugin);
    const problem = { task: spec.task, classes, outputs: trained.outputs, features };
    const begin = async (step: string): Promise<PluginProcess> => (await start(plugin, step)).process;
    return openPredictor({ plugin, spec, trained, problem, callMs, start: begin }, what);
  };

  return {
    list,
    async settle(given, problem, seed) {
      const plugin = askedPlugin(list, namedPlugin(given), refuseOption);
      const { name, version, sha256 } = plugin;
      const what = 'check of its options';
      const { process, description } = await start(plugin, what);
      try {
        if (description.kind !== 'model')
          refuseOption('plugin', `is ${name}, a transform: name it in preprocessing.plugins`);
        const spec = completePluginSpec(given, { name, version, sha256 }, description, problem, seed);
        await process
          .call({ kind: 'check', options: spec.options, of: problem }, { what, timeoutMs: callMs })
          .catch((error: unknown) => {
            throw asFieldError(error);
          });
        return spec;
      } finally {
        await process.close();
      }
    },
    async fit({ spec, rows, problem, seed, signal, onEpoch, what }) {
      const plugin = list.recorded(spec.plugin);
      const { process } = await start(plugin, what, signal);
      const step = `fit of ${what}`;
      let state: unknown;
      try {
        const { options } = spec;
        state = await process.call(
          { kind: 'fit', rows, options, problem, seed },
          { what: step, timeoutMs: fitMs, signal, onEpoch: (report) => onEpoch(plainReport(report)) },
        );
      } finally {
        await process.close();
      }
      if (!(state instanceof Uint8Array))
        throw pluginError('RK_PLUGIN_OUTPUT', plugin, step, `gave ${typeof state} where a Uint8Array is due`);
      if (state.length > mostStateBytes)
        throw pluginError(
          'RK_PLUGIN_OUTPUT',
          plugin,
          step,
          `gave a state of ${state.length} bytes, more than ${mostStateBytes}`,
        );
      // In another process, as it will be served: what is not in the state is not there.
      const trained = {
        spec: { ...spec },
        weights: Buffer.from(state),
        inputs: rows.width,
        outputs: problem.outputs,
      };
      const predictor = await open(trained, problem, `first prediction of ${what}`);
      try {
        const count = Math.min(rowsOfProof, rows.rows);
        await predictor.predict(rows.features, count, `first prediction of ${what}`);
      } finally {
        await predictor.close();
      }
      return state;
    },
    open,
    ...pluginSteps({ list, fitMs, callMs, start }),
    check: pluginChecks({ list, start }),
    async close() {
      await Promise.all([...running].map((process) => process.close()));
    },
  };
}

/** Plug-ins of a service that allows none. */
export function noPlugins(): Plugins {
  return openPlugins({
    allowed: [],
    root: '.',
    memoryMb: 128,
    fitMs: 1,
    callMs: 1,
    script: new URL('file:///'),
  });
}

/** The files are those that were hashed at the start: what is recorded is what is run. */
function mustBeUnchanged(plugin: InstalledPlugin, what: string): void {
  let sha256: string;
  try {
    sha256 = contentHash(plugin.folder);
  } catch (error) {
    throw pluginError(
      'RK_PLUGIN_INVALID',
      plugin,
      what,
      `can't be read any more (${(error as Error).message})`,
    );
  }
  if (sha256 !== plugin.sha256)
    throw pluginError(
      'RK_PLUGIN_CHANGED',
      plugin,
      what,
      `has other files (${sha256.slice(0, 12)}) than when the service started`,
    );
}

/** What a plug-in's `check` says of an option is a fault of the request. */
function asFieldError(thrown: unknown): unknown {
  const error = toRookeryError(thrown);
  const { field } = error.details;
  if (error.code !== 'RK_PLUGIN_FAILED' || field === undefined) return error;
  return new TerminalError('RK_SPEC_INVALID', error.message, {
    details: { ...error.details, field: `options.${field}` },
  });
}

/** Numbers that JSON can carry: a plug-in may report anything. */
function plainReport(report: EpochReport): EpochReport {
  const number = (value: unknown): number =>
    typeof value === 'number' && Number.isFinite(value) ? value : 0;
  return {
    epoch: Math.max(0, Math.min(2 ** 32 - 1, Math.trunc(number(report.epoch)))),
    loss: number(report.loss),
    ...(report.metric === undefined ? {} : { metric: number(report.metric) }),
  };
}
