import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const execute = promisify(execFile);

/** A program that a service could ship: one file, with the packages that stay outside of it beside it. */
export interface BundledProgram {
  /** Where it stands. */
  readonly folder: string;
  /** Runs it in a process of its own; rejects where that does not end with 0. */
  run(args?: readonly string[], env?: NodeJS.ProcessEnv): Promise<{ stdout: string; stderr: string }>;
  remove(): Promise<void>;
}

/** Bundles the text of a module, which may import `@rookery/nn`, in a folder of its own. */
export async function bundleProgram(contents: string): Promise<BundledProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'rookery-nn-'));
  const root = fileURLToPath(new URL('../../../../', import.meta.url));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const outfile = join(folder, 'main.mjs');
  await build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'js' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    external: ['@tensorflow/*', 'onnxruntime-node'],
    outfile,
  });
  return {
    folder,
    run: (args = [], env = process.env) =>
      execute(process.execPath, [outfile, ...args], { env, maxBuffer: 2 ** 26 }),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
