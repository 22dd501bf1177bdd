import { setTimeout as sleep } from 'node:timers/promises';

import { toRookeryError } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';

import type { InstalledPlugin, PluginIdentity } from '../packages/installed-plugin.js';
import type { PluginList } from '../packages/plugin-list.js';
import type { StartPlugin } from './plugins.js';

/** A plug-in that is allowed, and whether it can be used. */
export interface CheckedPlugin {
  /** Of an entry that is no package: the entry, without version and hash. */
  readonly plugin: PluginIdentity;
  /** Whether it is the one of its name that new runs take. */
  readonly forNewRuns: boolean;
  readonly state: 'checking' | 'loads' | 'fails';
  /** What it says of itself when it is loaded. */
  readonly kind?: 'model' | 'transform';
  /** What a model is for. */
  readonly tasks?: readonly string[];
  /** Why it does not load. */
  readonly error?: RookeryError;
}

/** How the plug-ins of a list are looked at. */
export interface PluginCheckParts {
  readonly list: PluginList;
  readonly start: StartPlugin;
  /** How long what was found out is told again, milliseconds. */
  readonly keptMs?: number;
  /** How long an answer may wait for what is being loaded. */
  readonly patienceMs?: number;
}

type Finding = Pick<CheckedPlugin, 'kind' | 'tasks' | 'error'>;

/**
 * Says of every plug-in that is allowed whether it loads: in a process of its own, one after the other, once a minute at most however many ask.
 * Never rejects; what does not load in time is being checked, and another call will know.
 */
export function pluginChecks({
  list,
  start,
  keptMs = 60_000,
  patienceMs = 4_000,
}: PluginCheckParts): () => Promise<CheckedPlugin[]> {
  const found = new Map<InstalledPlugin, { readonly finding: Finding; readonly at: number }>();
  const waiting = new Map<InstalledPlugin, Promise<void>>();
  let queue: Promise<void> = Promise.resolve();

  const load = async (plugin: InstalledPlugin): Promise<Finding> => {
    try {
      const { process, description } = await start(plugin, 'look at the plug-ins that are allowed');
      await process.close();
      const { kind, tasks } = description;
      return { kind, ...(kind === 'model' ? { tasks } : {}) };
    } catch (error) {
      return { error: toRookeryError(error) };
    }
  };
  const check = (plugin: InstalledPlugin): void => {
    const known = found.get(plugin);
    if (waiting.has(plugin) || (known !== undefined && performance.now() - known.at < keptMs)) return;
    queue = queue.then(async () => {
      const finding = await load(plugin);
      found.set(plugin, { finding, at: performance.now() });
      waiting.delete(plugin);
    });
    waiting.set(plugin, queue);
  };

  return async () => {
    list.installed.forEach(check);
    if (waiting.size > 0) {
      const patience = new AbortController();
      const enough = sleep(patienceMs, undefined, { ref: false, signal: patience.signal }).catch(
        () => undefined,
      );
      await Promise.race([Promise.all(waiting.values()), enough]);
      patience.abort();
    }
    return [
      ...list.installed.map((plugin): CheckedPlugin => {
        const { name, version, sha256 } = plugin;
        const finding = found.get(plugin)?.finding;
        return {
          plugin: { name, version, sha256 },
          forNewRuns: list.named(name) === plugin,
          state: finding === undefined ? 'checking' : finding.error === undefined ? 'loads' : 'fails',
          ...finding,
        };
      }),
      ...list.faults.map((error): CheckedPlugin => {
        const plugin = { name: error.details['plugin'] ?? '', version: '', sha256: '' };
        return { plugin, forNewRuns: false, state: 'fails', error };
      }),
    ];
  };
}
