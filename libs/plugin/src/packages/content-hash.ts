import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Most files of a package, and most bytes: what is larger is no package but a mistake in the path. */
const mostFiles = 20_000;
const mostBytes = 200 * 1024 * 1024;

/**
 * sha256 over all files below a folder, dependencies in its own node_modules included: names and contents, in the order of the
 * names, so that any other machine with the same files has the same hash. Hidden files and folders are left out; a link is none of the
 * package's files. Throws an error in words where there are too many files or bytes.
 */
export function contentHash(folder: string): string {
  const hash = createHash('sha256');
  let files = 0;
  let bytes = 0;
  const walk = (path: string, name: string): void => {
    const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => !entry.name.startsWith('.'));
    // By code units, not by the machine's locale.
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const inner = join(path, entry.name);
      const innerName = `${name}${entry.name}`;
      if (entry.isDirectory()) walk(inner, `${innerName}/`);
      if (!entry.isFile()) continue;
      const content = readFileSync(inner);
      files += 1;
      bytes += content.length;
      if (files > mostFiles || bytes > mostBytes)
        throw new Error(
          `it has more than ${files > mostFiles ? `${mostFiles} files` : `${mostBytes} bytes`}`,
        );
      hash.update(`${innerName}\0${content.length}\0`);
      hash.update(content);
    }
  };
  walk(folder, '');
  return hash.digest('hex');
}
