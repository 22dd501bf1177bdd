import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';

import { TerminalError } from '@rookery/contracts';

import { contentHash } from './content-hash.js';

/** Which code: what a run records, and what has to be there again to reproduce it or to serve its model. */
export interface PluginIdentity {
  /** Name of the package. */
  readonly name: string;
  readonly version: string;
  /** Of the files of the package. */
  readonly sha256: string;
}

/** A plug-in that the operator allows, as it lies on this machine. */
export interface InstalledPlugin extends PluginIdentity {
  readonly folder: string;
  /** The module that is loaded. */
  readonly entry: string;
}

const packageName = /^(@[a-z0-9][\w.-]*\/)?[a-z0-9][\w.-]*$/;

/**
 * Finds what an entry of the list of allowed plug-ins means: a folder (`./…`, `/…`), or the name of a package in the nearest
 * node_modules of `root` or above. Name and version are those of its package.json; nothing of it is run. Throws
 * RK_PLUGIN_INVALID, in words, where there is no such package or it can't be used.
 */
export function installedPlugin(entry: string, root: string): InstalledPlugin {
  const folder = realFolder(entry, folderOf(entry, root));
  let manifest: Record<string, unknown>;
  try {
    manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  } catch (error) {
    throw invalidPlugin(entry, `its package.json can't be read: ${(error as Error).message}`);
  }
  const { name, version } = manifest;
  if (typeof name !== 'string' || !packageName.test(name))
    throw invalidPlugin(entry, 'its package.json has no name');
  if (typeof version !== 'string' || version === '' || version.length > 100)
    throw invalidPlugin(entry, 'its package.json has no version');
  const module = resolve(folder, entryOf(manifest));
  if (!module.startsWith(`${folder}${sep}`) || !existsSync(module))
    throw invalidPlugin(entry, `its package.json names the module ${entryOf(manifest)}, which is not there`);
  let sha256: string;
  try {
    sha256 = contentHash(folder);
  } catch (error) {
    throw invalidPlugin(entry, (error as Error).message);
  }
  return { name, version, sha256, folder, entry: module };
}

/** RK_PLUGIN_INVALID: what is allowed by this entry is no plug-in. */
export function invalidPlugin(entry: string, why: string): TerminalError {
  return new TerminalError('RK_PLUGIN_INVALID', `The plug-in ${entry} can't be used: ${why}.`, {
    details: { plugin: entry },
  });
}

function folderOf(entry: string, root: string): string {
  if (isAbsolute(entry) || entry.startsWith('.')) return resolve(root, entry);
  if (!packageName.test(entry))
    throw invalidPlugin(entry, 'it is neither a package name nor a folder (./…, /…)');
  for (let at = resolve(root); ; at = dirname(at)) {
    const folder = join(at, 'node_modules', entry);
    if (existsSync(folder)) return folder;
    if (dirname(at) === at) throw invalidPlugin(entry, `no node_modules of ${resolve(root)} or above has it`);
  }
}

function realFolder(entry: string, folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    throw invalidPlugin(entry, `there is no folder ${folder}`);
  }
}

/** The module that an `import` of the package would load. */
function entryOf(manifest: Record<string, unknown>): string {
  let target: unknown = manifest['exports'];
  while (typeof target === 'object' && target !== null) {
    const conditions = target as Record<string, unknown>;
    target = conditions['.'] ?? conditions['import'] ?? conditions['node'] ?? conditions['default'];
  }
  const found = target ?? manifest['main'];
  return typeof found === 'string' ? found : 'index.js';
}
