import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { build } from 'esbuild';
import { afterAll, beforeAll, expect, it } from 'vitest';

import { classifier, pluginFolder } from './support/built-child.js';
import type { PluginFolder } from './support/built-child.js';

let folder: PluginFolder;

beforeAll(async () => {
  folder = await pluginFolder();
});

afterAll(() => folder.remove());

it('the process of a plug-in that loops for ever ends when its service is killed', async () => {
  // It says its process id while it still can: by an epoch.
  folder.write(
    'endless',
    classifier({
      fit: `(rows, options, { epoch }) => {
        epoch({ epoch: process.pid, loss: 0 });
        return new Promise(() => setImmediate(() => { for (;;); }));
      }`,
    }),
  );
  const service = join(folder.root, 'service.mjs');
  await build({
    stdin: {
      contents: `
        import { openPlugins } from './src/index.ts';
        const plugins = openPlugins({
          allowed: ['endless'], root: ${JSON.stringify(folder.root)}, memoryMb: 256, fitMs: 60_000, callMs: 60_000,
          script: new URL(${JSON.stringify(folder.script.href)}),
        });
        const problem = { task: 'classification', classes: ['a', 'b'], outputs: 2, features: ['x'] };
        const rows = { features: Float32Array.of(1), rows: 1, width: 1, targets: Int32Array.of(0) };
        const spec = await plugins.settle({ plugin: 'endless' }, problem, 1);
        await plugins.fit({
          spec, rows, problem, seed: 1, what: 'fold 0', signal: new AbortController().signal,
          onEpoch: ({ epoch }) => process.stdout.write(String(epoch) + '\\n'),
        });`,
      resolveDir: fileURLToPath(new URL('..', import.meta.url)),
    },
    outfile: service,
    bundle: true,
    format: 'esm',
    platform: 'node',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  });
  const host = spawn(process.execPath, [service], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = (await once(host.stdout, 'data')) as [Buffer];
  const pid = Number(said.toString());
  expect(process.kill(pid, 0)).toBe(true);
  host.kill('SIGKILL');
  await once(host, 'exit');
  await expect.poll(() => isAlive(pid), { timeout: 20_000, interval: 20 }).toBe(false);
});

/** False also for one that has ended and that nobody has collected. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
