import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { stepsBackByRevision } from './revisions.js';
import { runSoak } from './soak.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('40 hot swaps of a model an engine under traffic, by way of the registry', () => {
  it('fail no call, never go back, and free what they replace', { timeout: 180_000 }, async () => {
    const lines: string[] = [];
    const report = await runSoak({
      root,
      swaps: 40,
      perSecond: 100,
      settledAfter: 20,
      log: (line) => lines.push(line),
    });
    // Memory is a matter of the long run: twenty swaps do not settle a heap.
    const violations = report.violations.filter(({ invariant }) => invariant !== 'memory is bounded');
    expect(violations, lines.join('\n')).toEqual([]);
    expect(report).toMatchObject({ swaps: 40, failed: 0, tensorsAtEnd: report.tensorsAtSwap100 });
    expect(report.tensorsAtEnd).toBeGreaterThan(0);
    // Each swap waits for eight answers of its model.
    expect(report.calls).toBeGreaterThanOrEqual(40 * 8);
  });
});

describe('steps back, told by revision', () => {
  const versionOf = (revision: number): number => ((revision - 1) % 3) + 1;
  const answer = (version: number, from: number, to: number, connection = 0) => ({
    version,
    from,
    to,
    connection,
  });

  it('are none where versions come again as the alias goes round', () => {
    const answers = [answer(1, 1, 1), answer(2, 1, 2), answer(3, 2, 3), answer(1, 3, 4), answer(1, 4, 5)];
    expect(stepsBackByRevision(answers, versionOf)).toEqual([]);
  });

  it('are seen where an answer comes of a revision before the one that the connection saw', () => {
    const back = [answer(2, 1, 2), answer(1, 1, 2)];
    expect(stepsBackByRevision(back, versionOf)).toEqual([
      { connection: 0, version: 1, seen: 2, from: 1, to: 2 },
    ]);
    // Another connection may be behind.
    expect(stepsBackByRevision([answer(2, 1, 2), answer(1, 1, 2, 1)], versionOf)).toEqual([]);
  });

  it('are seen where a call that was sent after a swap is answered by the version before it', () => {
    expect(stepsBackByRevision([answer(1, 2, 2)], versionOf)).toHaveLength(1);
  });
});
