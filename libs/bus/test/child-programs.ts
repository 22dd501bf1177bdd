import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll } from 'vitest';

import { until } from './fixtures.js';

/** A program of this folder as a process of its own, and the lines that it wrote after `ready`. */
export interface ChildProgram {
  readonly lines: readonly string[];
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void;
}

/** Bundles a program before the tests of a file; what was started of it is killed after each test. */
export function useProgram(file: URL): (...args: string[]) => Promise<ChildProgram> {
  let directory: string;
  let children: ChildProcess[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'rookery-program-'));
    await build({
      entryPoints: [file.pathname],
      outfile: join(directory, 'program.mjs'),
      bundle: true,
      platform: 'node',
      format: 'esm',
      // The NATS modules are CommonJS and call require.
      banner: {
        js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
      },
      logLevel: 'error',
    });
  });
  afterEach(() => {
    for (const child of children) child.kill('SIGKILL');
    children = [];
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  return async (...args) => {
    const child = spawn(process.execPath, [join(directory, 'program.mjs'), ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    children.push(child);
    const lines: string[] = [];
    let ready = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') ready = true;
      else lines.push(line);
    });
    await until(async () => ready, Boolean, `${file.pathname} is ready`);
    return { lines, signal: (name) => void child.kill(name) };
  };
}
