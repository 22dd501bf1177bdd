import { pathToFileURL } from 'node:url';

import { faultOfRules } from '../complete-options.js';
import type { EpochReport, ModelPlugin } from '../interface/model-plugin.js';
import type { TransformPlugin } from '../interface/transform-plugin.js';
import type {
  ChildSettings,
  FromChild,
  PluginDescription,
  PluginRequest,
  ThrownByPlugin,
  ToChild,
} from '../host/protocol.js';
import { seededRandom } from './seeded-random.js';
import { startWatchdog } from './watchdog.js';

/** The main program of the process of one plug-in: loads it, and does what the service asks, one thing after the other. */
export function runPluginChild(): void {
  const send = process.send?.bind(process);
  if (send === undefined) throw new Error('This runs as the process of a plug-in only.');
  // A plug-in speaks by what it returns: nothing else shall look like an answer.
  delete process.send;
  const say = (message: FromChild): void => void send(message);
  startWatchdog(JSON.parse(process.argv[2] ?? '{}') as ChildSettings);
  process.on('disconnect', () => process.exit(0));
  const crash = (thrown: unknown): void => {
    send({ crashed: thrownBy(thrown) } satisfies FromChild, undefined, undefined, () => process.exit(1));
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);

  const work = pluginWork();
  let running: { readonly id: number; readonly stop: AbortController } | undefined;
  process.on('message', (message: ToChild) => {
    if ('stop' in message) {
      if (running?.id === message.stop) running.stop.abort(new Error('The run was stopped.'));
      return;
    }
    const { id, request } = message;
    const stop = new AbortController();
    running = { id, stop };
    work(request, stop.signal, (epoch) => say({ id, epoch }))
      .then(
        (answer) => say({ id, answer }),
        (thrown: unknown) => say({ id, failed: thrownBy(thrown) }),
      )
      .catch(crash);
  });
}

type AnyPlugin = ModelPlugin | TransformPlugin;

type Work = (
  request: PluginRequest,
  signal: AbortSignal,
  epoch: (report: EpochReport) => void,
) => Promise<unknown>;

function pluginWork(): Work {
  let plugin: AnyPlugin | undefined;
  let loaded: unknown;
  const opened = <K extends AnyPlugin['kind']>(kind: K): Extract<AnyPlugin, { kind: K }> => {
    if (plugin?.kind !== kind) throw new Error(`It is no plug-in of the kind ${kind}.`);
    return plugin as Extract<AnyPlugin, { kind: K }>;
  };
  const seeded = (seed: number): (() => number) => (Math.random = seededRandom(seed));
  return async (request, signal, epoch) => {
    switch (request.kind) {
      case 'open':
        seeded(0);
        plugin = await importPlugin(request.entry);
        return describe(plugin);
      case 'check': {
        const check = plugin?.check as ((options: unknown, of: unknown) => void | Promise<void>) | undefined;
        await check?.call(plugin, request.options, request.of);
        return undefined;
      }
      case 'fit': {
        const { rows, options, problem, seed } = request;
        const random = seeded(seed);
        return opened('model').fit(rows, options, { problem, seed, random, epoch, signal });
      }
      case 'load':
        seeded(0);
        loaded = await opened('model').load(request.state, request.options, request.problem);
        return undefined;
      case 'predict':
        // The same rows have the same answers, whatever was asked before.
        seeded(0);
        return opened('model').predict(loaded, request.rows);
      case 'fit-step': {
        const { columns, rows, options, seed } = request;
        const random = seeded(seed);
        return opened('transform').fit(columns, options, { rows, seed, random, signal });
      }
      case 'load-step': {
        seeded(0);
        const step = opened('transform');
        loaded = await step.load(request.state, request.options, request.columns);
        return step.featureNames(loaded);
      }
      case 'transform':
        seeded(0);
        return opened('transform').transform(loaded, request.columns, request.rows);
    }
  };
}

async function importPlugin(entry: string): Promise<AnyPlugin> {
  const module = (await import(pathToFileURL(entry).href)) as Record<string, unknown>;
  const found = module['default'] as Record<string, unknown> | null | undefined;
  const fault = faultOf(found);
  if (fault !== undefined) throw new Error(`It is no plug-in: ${fault}.`);
  return found as unknown as AnyPlugin;
}

const members: Readonly<Record<string, readonly string[]>> = {
  model: ['fit', 'load', 'predict'],
  transform: ['fit', 'load', 'featureNames', 'transform'],
};

function faultOf(found: Record<string, unknown> | null | undefined): string | undefined {
  if (typeof found !== 'object' || found === null)
    return 'its module has no default export that is an object';
  const { rookery, kind, check, tasks, options } = found;
  if (rookery !== 1) return `it is made for version ${String(rookery)} of the interface, which is 1 here`;
  const functions = Object.hasOwn(members, String(kind)) ? members[String(kind)] : undefined;
  if (functions === undefined) return `its kind is ${JSON.stringify(kind)}, not "model" or "transform"`;
  for (const name of functions) if (typeof found[name] !== 'function') return `it has no function ${name}`;
  if (check !== undefined && typeof check !== 'function') return 'its check is no function';
  if (tasks !== undefined && !(Array.isArray(tasks) && tasks.every((task) => typeof task === 'string')))
    return 'its tasks are no list';
  return faultOfRules(options);
}

function describe(plugin: AnyPlugin): PluginDescription {
  const { kind, options = {} } = plugin;
  const tasks = (kind === 'model' ? plugin.tasks : undefined) ?? ['classification', 'regression'];
  // Through JSON: rules are data, and nothing else of the plug-in shall leave the process.
  return JSON.parse(JSON.stringify({ kind, tasks, options })) as PluginDescription;
}

function thrownBy(thrown: unknown): ThrownByPlugin {
  try {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const field: unknown = (error as { field?: unknown }).field;
    return {
      message: String(error.message).slice(0, 500) || String(error.name).slice(0, 100),
      stack: String(error.stack).slice(0, 4_000),
      ...(typeof field === 'string' ? { field: field.slice(0, 100) } : {}),
    };
  } catch {
    return { message: 'something that can not even be shown', stack: '' };
  }
}
