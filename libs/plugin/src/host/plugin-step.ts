import type { FittedPluginStep, MadeColumn, RawColumn } from '@rookery/tabular';

import type { InstalledPlugin } from '../packages/installed-plugin.js';
import { openLoaded } from './loaded-process.js';
import type { LoadedParts } from './loaded-process.js';
import { pluginError } from './plugin-errors.js';
import { rowsOfCall } from './plugin-predictor.js';

/** A fitted transform that makes numbers of raw columns. */
export interface OpenStep {
  readonly outputs: readonly string[];
  /**
   * The columns that it makes of these, which have its names and order. Rejects with RK_PLUGIN_OUTPUT (infinity, another number of numbers), and
   * what the process of a plug-in rejects with; with the reason of the signal, whose abort ends the process.
   */
  apply(
    columns: readonly RawColumn[],
    rows: number,
    what: string,
    signal?: AbortSignal,
  ): Promise<MadeColumn[]>;
  close(): Promise<void>;
}

/** What a step is opened from: its outputs are those that it names when it is loaded, where they are not known yet. */
export interface StepParts extends Omit<LoadedParts, 'load'> {
  readonly plugin: InstalledPlugin;
  readonly step: Omit<FittedPluginStep, 'outputs'> & Partial<Pick<FittedPluginStep, 'outputs'>>;
}

/** Most numbers that one step makes of a row. */
const mostOutputs = 10_000;
const featureName = /^[\p{L}\p{N}_.-]{1,100}$/u;

/** A step whose process is running and has loaded the state. Rejects with RK_PLUGIN_OUTPUT where its names are none, or other than recorded. */
export async function openStep(parts: StepParts, what: string): Promise<OpenStep> {
  const { plugin, step, callMs, start } = parts;
  const { options, columns: kinds } = step;
  let outputs: readonly string[] | undefined = step.outputs;
  const loaded = await openLoaded(
    {
      callMs,
      start,
      async load(process, at) {
        const state = Buffer.from(step.state, 'base64');
        const request = { kind: 'load-step', state: new Uint8Array(state), options, columns: kinds } as const;
        const names = await process.call(request, { what: at, timeoutMs: callMs });
        const fault = faultOfNames(names);
        if (fault !== undefined) throw pluginError('RK_PLUGIN_OUTPUT', plugin, at, fault);
        const made = (names as string[]).map((name) => `${step.name}__${name}`);
        outputs ??= made;
        if (JSON.stringify(made) !== JSON.stringify(outputs))
          throw pluginError('RK_PLUGIN_OUTPUT', plugin, at, 'names other features than when it was fitted');
      },
    },
    what,
  );
  const names = outputs ?? [];
  const width = names.length;
  return {
    outputs: names,
    async apply(columns, rows, at, signal) {
      const made = names.map((name): MadeColumn => ({ name, values: new Float64Array(rows) }));
      for (let from = 0; from < rows; from += rowsOfCall) {
        signal?.throwIfAborted();
        const count = Math.min(rowsOfCall, rows - from);
        const part = columns.map((column) => sliceOf(column, from, from + count));
        const answers: unknown = await loaded.call(
          { kind: 'transform', columns: part, rows: count },
          at,
          signal,
        );
        const fault = faultOfNumbers(answers, count, width);
        if (fault !== undefined) throw pluginError('RK_PLUGIN_OUTPUT', plugin, at, fault);
        const numbers = answers as ArrayLike<number>;
        made.forEach(({ values }, k) => {
          for (let i = 0; i < count; i += 1) values[from + i] = numbers[i * width + k]!;
        });
      }
      return made;
    },
    close: () => loaded.close(),
  };
}

function sliceOf(column: RawColumn, from: number, to: number): RawColumn {
  return { ...column, values: column.values.slice(from, to) } as RawColumn;
}

function faultOfNames(names: unknown): string | undefined {
  if (!Array.isArray(names) || names.length === 0 || names.length > mostOutputs)
    return `names no list of 1 to ${mostOutputs} features`;
  const bad: unknown = names.find((name) => typeof name !== 'string' || !featureName.test(name));
  if (bad !== undefined) return `names a feature ${(JSON.stringify(bad) ?? typeof bad).slice(0, 40)}`;
  return new Set(names).size === names.length ? undefined : 'names two features alike';
}

function faultOfNumbers(answers: unknown, rows: number, width: number): string | undefined {
  const isList = Array.isArray(answers) || (ArrayBuffer.isView(answers) && !(answers instanceof DataView));
  if (!isList) return `gave ${answers === null ? 'null' : typeof answers} where a list of numbers is due`;
  const given = answers as ArrayLike<unknown>;
  if (given.length !== rows * width)
    return `gave ${given.length} numbers for ${rows} rows of ${width}, which are ${rows * width}`;
  for (let i = 0; i < given.length; i += 1) {
    const value = given[i];
    if (typeof value !== 'number' || Math.abs(value) === Infinity)
      return `gave ${String(value).slice(0, 40)} as feature ${i % width} of row ${Math.floor(i / width)}`;
  }
  return undefined;
}
