import { TerminalError, toRookeryError } from '@rookery/contracts';

import { installedPlugin } from './installed-plugin.js';
import type { InstalledPlugin, PluginIdentity } from './installed-plugin.js';

/** The plug-ins that the operator allows: nothing else can be named by an event. */
export interface PluginList {
  /** Those that can be used, in the order of the configuration. */
  readonly installed: readonly InstalledPlugin[];
  /** What is wrong with the others. */
  readonly faults: readonly TerminalError[];
  /** The plug-in for new runs: the first one of that name. Throws RK_PLUGIN_NOT_ALLOWED, or RK_PLUGIN_INVALID. */
  named(name: string): InstalledPlugin;
  /** The plug-in that was recorded, to the byte. Throws RK_PLUGIN_NOT_ALLOWED, or RK_PLUGIN_CHANGED where only others of its name are here. */
  recorded(identity: PluginIdentity): InstalledPlugin;
}

/**
 * Reads the packages of the list once: what a service runs is what it found at its start. An entry that can't be used is a
 * fault, which whoever names it is told; it does not keep the others, or the service, from working. Several versions of one package may be
 * listed by their folders: the first is for new runs, the others serve what was trained with them.
 */
export function readPluginList(entries: readonly string[], root: string): PluginList {
  const installed: InstalledPlugin[] = [];
  const faults: TerminalError[] = [];
  for (const entry of entries.filter((one) => one !== '')) {
    try {
      installed.push(installedPlugin(entry, root));
    } catch (error) {
      faults.push(
        new TerminalError('RK_PLUGIN_INVALID', toRookeryError(error).message, { details: { plugin: entry } }),
      );
    }
  }
  const notAllowed = (name: string): TerminalError => {
    const shown = name.slice(0, 80);
    const fault = faults.find(({ details }) => details['plugin'] === name);
    if (fault !== undefined) return fault;
    const names = [...new Set(installed.map((plugin) => plugin.name))].join(', ');
    return new TerminalError(
      'RK_PLUGIN_NOT_ALLOWED',
      `The plug-in ${JSON.stringify(shown)} is not allowed here; ${names === '' ? 'none is' : `allowed: ${names}`}.`,
      { details: { plugin: shown, allowed: names } },
    );
  };
  return {
    installed,
    faults,
    named(name) {
      const found = installed.find((plugin) => plugin.name === name);
      if (found === undefined) throw notAllowed(name);
      return found;
    },
    recorded(identity) {
      const same = installed.filter((plugin) => plugin.name === identity.name);
      const found = same.find((plugin) => plugin.sha256 === identity.sha256);
      if (found !== undefined) return found;
      if (same.length === 0) throw notAllowed(identity.name);
      throw new TerminalError(
        'RK_PLUGIN_CHANGED',
        `The plug-in ${identityWords(identity)} was recorded; here is ${same.map(identityWords).join(' and ')}.`,
        { details: { plugin: identity.name, version: identity.version, sha256: identity.sha256 } },
      );
    },
  };
}

/** Name, version and the beginning of the hash, for messages and records. */
export function identityWords({ name, version, sha256 }: PluginIdentity): string {
  return `${name} ${version} (${sha256.slice(0, 12)})`;
}
