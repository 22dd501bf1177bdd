import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** One TypeScript file: path below the root, and text. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** All `.ts` files of `src/` of the packages below `services` and `libs`. */
export function sourceFiles(): SourceFile[] {
  return ['libs', 'services'].flatMap((group) =>
    readdirSync(`${root}${group}`).flatMap((name) => filesBelow(`${group}/${name}/src`)),
  );
}

function filesBelow(folder: string): SourceFile[] {
  let entries: string[];
  try {
    entries = readdirSync(root + folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return entries
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ path: `${folder}/${file}`, text: readFileSync(`${root}${folder}/${file}`, 'utf8') }));
}
