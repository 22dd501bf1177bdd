import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { runLoad } from './load.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

describe('20 data sets that are published at once, with two trainers', () => {
  it(
    'all end, in order, with nothing delivered twice and nothing taken before it can be worked on',
    { timeout: 180_000 },
    async () => {
      const lines: string[] = [];
      const log = (line: string): number => lines.push(line);
      const report = await runLoad({ root, datasets: 20, trainers: 2, big: 1, log });
      expect(report.violations, lines.join('\n')).toEqual([]);
      expect(report).toMatchObject({ datasets: 20, trainers: 2, redeliveries: 0 });
      const watched = [
        'ingest',
        'transform',
        'trainer',
        'trainer-2',
        'evaluator',
        'registry',
        'inference',
        'monitor',
      ];
      const peaks = new Map(report.services.map(({ name, peakMiB }) => [name, peakMiB]));
      for (const name of watched) expect(peaks.get(name), name).toBeGreaterThan(0);
    },
  );
});
