import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { build } from 'esbuild';

const library = fileURLToPath(new URL('../..', import.meta.url));
const cache = fileURLToPath(new URL('../../../../node_modules/.cache/', import.meta.url));

/** A folder with the bundled main program of a plug-in's process, for plug-ins of a test. */
export interface PluginFolder {
  readonly script: URL;
  readonly root: string;
  /** Writes a package; `code` is its module. */
  write(name: string, code: string, version?: string): string;
  remove(): void;
}

/** Bundles the main program as a service does. */
export async function pluginFolder(): Promise<PluginFolder> {
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, 'plugin-test-'));
  const entry = join(root, 'plugin-worker.mjs');
  await build({
    stdin: {
      contents: "import { runPluginChild } from './src/child/run-plugin-child.ts'; runPluginChild();",
      resolveDir: library,
    },
    outfile: entry,
    bundle: true,
    format: 'esm',
    platform: 'node',
  });
  return {
    script: pathToFileURL(entry),
    root,
    write(name, code, version = '1.0.0') {
      const folder = join(root, 'node_modules', name);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version, type: 'module' }));
      writeFileSync(join(folder, 'index.js'), code);
      return folder;
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** Code of a plug-in that answers with the shares of the classes, with some functions replaced. */
export function classifier(replaced: Readonly<Record<string, string>> = {}): string {
  const parts: Record<string, string> = {
    options: '{}',
    check: '() => {}',
    fit: `({ targets }, options, { problem }) => {
      const shares = new Float32Array(problem.outputs);
      for (const target of targets) shares[target] += 1 / targets.length;
      return new Uint8Array(shares.buffer);
    }`,
    load: '(state) => new Float32Array(state.slice().buffer)',
    predict: '(model, { rows }) => Array.from({ length: rows }, () => [...model]).flat()',
    ...replaced,
  };
  const lines = Object.entries(parts).map(([name, value]) => `${name}: ${value}`);
  return `export default { rookery: 1, kind: 'model', ${lines.join(',\n')} };`;
}

/** Folder of an example package. */
export function exampleFolder(name: string): string {
  return join(dirname(dirname(library)), 'examples', 'plugins', name);
}
