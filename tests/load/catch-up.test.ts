import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import { runCatchUp } from './catch-up.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

it(
  'a monitor that was away takes in all captures that waited, each once, and keeps the newest',
  { timeout: 120_000 },
  async () => {
    const lines: string[] = [];
    const report = await runCatchUp({
      root,
      captures: 20_000,
      mostMiB: Infinity,
      log: (line) => lines.push(line),
    });
    expect(report.violations, lines.join('\n')).toEqual([]);
    expect(report).toMatchObject({ captures: 20_000, redeliveries: 0 });
  },
);
