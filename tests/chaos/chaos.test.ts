import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { runChaos } from './chaos.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('the real system', () => {
  it('keeps every invariant while it is struck in two rounds', { timeout: 180_000 }, async () => {
    const lines: string[] = [];
    const report = await runChaos({
      root,
      rounds: 2,
      seed: 4,
      // What a killed worker had in hand comes again after its 30 s: the long run has that too.
      kinds: ['term', 'cut', 'delay', 'repeat', 'redeliver', 'late'],
      log: (line) => lines.push(line),
    });
    expect(report.violations, lines.join('\n')).toEqual([]);
    expect(report.faults).toBeGreaterThan(3);
    expect(report.captures.answered).toBeGreaterThan(100);
    expect(report.captures.captured + report.captures.dropped + report.captures.lostWithKilled).toBe(
      report.captures.answered,
    );
  });
});
