import { TerminalError } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';

import { identityWords } from '../packages/plugin-list.js';
import type { PluginIdentity } from '../packages/installed-plugin.js';

/** An error that names the plug-in, its version and what it was at work on. */
export function pluginError(
  code: ErrorCode,
  plugin: PluginIdentity,
  what: string,
  problem: string,
  options: { readonly stack?: string; readonly details?: Readonly<Record<string, string>> } = {},
): TerminalError {
  const cause = options.stack === undefined || options.stack === '' ? undefined : new Error(problem);
  if (cause !== undefined) cause.stack = options.stack!;
  return new TerminalError(code, `The plug-in ${identityWords(plugin)} ${problem}, at the ${what}.`, {
    details: {
      plugin: plugin.name,
      version: plugin.version,
      sha256: plugin.sha256,
      step: what,
      ...options.details,
    },
    ...(cause === undefined ? {} : { cause }),
  });
}
