import { existsSync, mkdirSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';

import { writeMillion } from './million-rows.js';
import type { Example } from './read-example.js';

/**
 * The file of an example; its table is made first where it has none. It is made below data/ of the repository: the launcher's own
 * folder is hidden, and ingest reads nothing there unless it is told to.
 */
export async function exampleFile(
  example: Example,
  root: string,
  say: (text: string) => unknown,
): Promise<string> {
  if (example.generate === undefined) return join(root, example.source ?? '');
  const { rows, seed } = example.generate;
  const folder = join(root, 'data', 'generated');
  const file = join(folder, `${example.name}-${rows}-${seed}.csv`);
  if (existsSync(file)) return file;
  mkdirSync(folder, { recursive: true });
  say(`Making ${file} (${rows.toLocaleString('en')} rows) …`);
  // Under another name until it is whole, so that a broken-off file is never taken for it.
  await writeMillion(`${file}.part`, rows, seed);
  await rename(`${file}.part`, file);
  return file;
}
