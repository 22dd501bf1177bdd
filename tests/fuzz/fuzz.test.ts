import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

it(
  '2,000 inputs of a stranger crash, hang and bloat nothing, and each mistake gets a code',
  { timeout: 240_000 },
  async () => {
    const child = spawn(
      process.execPath,
      ['tests/fuzz/run.mjs', '--inputs', '2000', '--seed', '7', '--json'],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let report = '';
    let log = '';
    child.stdout.on('data', (chunk: Buffer) => (report += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code, log).toBe(0);
    expect(JSON.parse(report.trim().split('\n').at(-1) ?? '')).toMatchObject({ seed: 7, failures: 0 });
    expect(
      (JSON.parse(report.trim().split('\n').at(-1) ?? '') as { inputs: number }).inputs,
    ).toBeGreaterThanOrEqual(2000);
  },
);
