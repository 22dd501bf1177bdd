import { isKey, TerminalError } from '@rookery/contracts';

import type { AliasChangeDocument } from './model-document.js';

/** Names that would be mistaken for something else: `latest`, a version number, an object's own member. */
const reserved = /^(latest|v?\d+|__proto__)$/i;

/** Throws RK_ALIAS_INVALID for a name that can't be an alias. */
export function requireAliasName(alias: string): void {
  if (!isKey(alias)) {
    throw new TerminalError('RK_ALIAS_INVALID', `alias ${JSON.stringify(alias.slice(0, 80))} is not valid`, {
      details: { alias: alias.slice(0, 80) },
    });
  }
  if (reserved.test(alias)) {
    throw new TerminalError('RK_ALIAS_INVALID', `alias ${JSON.stringify(alias)} is reserved`, {
      hint: 'Use another name: latest and version numbers are not aliases.',
      details: { alias },
    });
  }
}

/**
 * The version that was champion before the present one, with all roll-backs undone: after 1, 2, 3, back to 2, the one
 * before is 1, not 3. Undefined where there is none. `changes` is the whole history by ascending revision.
 */
export function versionBefore(
  changes: readonly Pick<AliasChangeDocument, 'version' | 'kind'>[],
): number | undefined {
  const line: number[] = [];
  for (const { version, kind } of changes) {
    if (kind === 'rolledback') {
      const at = line.lastIndexOf(version);
      if (at >= 0) line.length = at + 1;
      else line.splice(-1, 1, version);
    } else if (line.at(-1) !== version) {
      line.push(version);
    }
  }
  return line.at(-2);
}
