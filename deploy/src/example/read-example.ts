import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** An example of examples/: what is published, and where its file comes from. */
export interface Example {
  readonly name: string;
  readonly title: string;
  /** File of the repository. */
  readonly source?: string;
  /** Or a table that is made. */
  readonly generate?: { readonly rows: number; readonly seed: number };
  /** Fields of ml.dataset.ready, all but the uri. */
  readonly request: Readonly<Record<string, unknown>>;
}

/** Names of the examples there are. */
export function exampleNames(root: string): string[] {
  return readdirSync(join(root, 'examples'))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** One of them, by name; throws listing the names where there is none. */
export function readExample(root: string, name: string): Example {
  const names = exampleNames(root);
  if (!names.includes(name)) throw new Error(`There is no example ${name}; there are ${names.join(', ')}.`);
  const file = join(root, 'examples', `${name}.json`);
  return { name, ...(JSON.parse(readFileSync(file, 'utf8')) as Omit<Example, 'name'>) };
}
