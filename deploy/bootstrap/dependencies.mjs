import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';

import { root, run } from './process.mjs';

/** Installs the packages of the lockfile where they are missing or older than it. */
export async function installDependencies() {
  const installed = join(root, 'node_modules/.package-lock.json');
  const lockfile = join(root, 'package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lockfile).mtimeMs) return;
  console.error('Installing packages …');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  // onnxruntime's install script fetches CUDA libraries. npm 11 leaves it out by package.json's allowScripts, npm 10 needs this.
  const env = { ONNXRUNTIME_NODE_INSTALL: 'skip', ...process.env };
  const code = npm
    ? await run(process.execPath, [npm, ...args], { quiet: true, env })
    : await run('npm', args, { quiet: true, env });
  if (code !== 0)
    throw new Error('npm ci failed: its output is above. Check that the npm registry can be reached.');
}
