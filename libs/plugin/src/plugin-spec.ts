import { TerminalError } from '@rookery/contracts';

import { completeOptions, refuseOption } from './complete-options.js';
import type { ModelProblem, PluginTask } from './interface/model-plugin.js';
import type { OptionRules, PluginOptions } from './interface/options.js';
import type { PluginDescription } from './host/protocol.js';
import type { InstalledPlugin, PluginIdentity } from './packages/installed-plugin.js';
import type { PluginList } from './packages/plugin-list.js';

/** A complete model specification that names a plug-in in place of a network. */
export interface PluginSpec {
  readonly task: PluginTask;
  /** The code that is run: it stands in the lineage with the rest of the specification. */
  readonly plugin: PluginIdentity;
  readonly options: PluginOptions;
  /** The option `epochs` where the plug-in has it, else 1. */
  readonly epochs: number;
  readonly seed: number;
}

/** A plug-in as a request names it. */
export interface NamedPlugin {
  readonly name: string;
  readonly version?: string;
  readonly sha256?: string;
}

/** Whether a model specification, of a request or complete, asks for a plug-in. */
export function isPluginSpec(spec: unknown): boolean {
  const plugin = (spec as { plugin?: unknown } | null | undefined)?.plugin;
  return plugin !== undefined && plugin !== null;
}

/** The plug-in that a specification names: `"plugin": "name"`, or with the version or hash that it must have. RK_SPEC_INVALID. */
export function namedPlugin(spec: unknown): NamedPlugin {
  const { plugin } = spec as { plugin?: unknown };
  if (typeof plugin === 'string') return { name: plugin };
  if (typeof plugin !== 'object' || plugin === null || Array.isArray(plugin))
    return refuseOption('plugin', 'must be the name of a plug-in');
  const named = plugin as Record<string, unknown>;
  for (const key of Object.keys(named))
    if (!['name', 'version', 'sha256'].includes(key))
      refuseOption(`plugin.${key}`, 'is not known here; known are name, version, sha256');
  for (const key of ['name', 'version', 'sha256'])
    if (typeof named[key] !== 'string' && !(key !== 'name' && named[key] === undefined))
      refuseOption(`plugin.${key}`, 'must be a text');
  return named as unknown as NamedPlugin;
}

/** The plug-in of the list that is asked for; `refuse` takes a version that is another. Throws RK_PLUGIN_NOT_ALLOWED, RK_PLUGIN_CHANGED. */
export function askedPlugin(
  list: Pick<PluginList, 'named' | 'recorded'>,
  asked: NamedPlugin,
  refuse: (field: string, problem: string) => never,
): InstalledPlugin {
  const plugin = asked.sha256
    ? list.recorded({ version: '', ...asked, sha256: asked.sha256 })
    : list.named(asked.name);
  if (asked.version !== undefined && asked.version !== plugin.version)
    refuse('plugin.version', `is ${asked.version} where ${plugin.name} ${plugin.version} is allowed`);
  return plugin;
}

/** Settings of a request that stand for an option of the same name. */
const shortForms = ['epochs', 'batchSize', 'learningRate'] as const;
const known = ['$schema', 'task', 'plugin', 'options', 'seed', ...shortForms];

/**
 * The complete specification for a plug-in. `given` may have the short forms epochs, batchSize and learningRate beside its options, which
 * stand for options of those names. Throws RK_SPEC_INVALID naming the field.
 */
export function completePluginSpec(
  given: Readonly<Record<string, unknown>>,
  plugin: PluginIdentity,
  { tasks, options: rules }: PluginDescription,
  problem: ModelProblem,
  seed: number,
): PluginSpec {
  for (const field of Object.keys(given))
    if (!known.includes(field))
      refuseOption(field, `is not known beside a plug-in; known are ${known.join(', ')}`);
  const { task = problem.task } = given;
  if (task !== problem.task)
    refuseOption('task', `must be ${problem.task}, as the data says, not ${JSON.stringify(task)}`);
  if (!tasks.includes(problem.task)) {
    throw new TerminalError(
      'RK_SPEC_INVALID',
      `The model's plugin ${plugin.name} is for ${tasks.join(', ')}, not for ${problem.task}.`,
      { details: { field: 'plugin', task: problem.task } },
    );
  }
  const options = completeOptions(rules, optionsOf(given, rules));
  const { epochs = 1 } = options;
  return { task: problem.task, plugin, options, epochs: Number(epochs), seed };
}

function optionsOf(given: Readonly<Record<string, unknown>>, rules: OptionRules): unknown {
  const options = given['options'];
  const isObject = typeof options === 'object' && options !== null && !Array.isArray(options);
  if (options !== undefined && options !== null && !isObject) return options;
  const all: Record<string, unknown> = { ...options };
  for (const name of shortForms) {
    const value = given[name];
    if (value === undefined || value === null) continue;
    if (Object.hasOwn(rules, name)) all[name] = value;
    // A complete specification has one epoch where the plug-in has none.
    else if (name !== 'epochs' || value !== 1) refuseOption(name, 'is no option of the plug-in');
  }
  return all;
}
