import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SharedDatasets } from '../src/application/shared-datasets.js';
import { LeastRecentlyUsed } from '../src/domain/least-recently-used.js';

describe('LeastRecentlyUsed', () => {
  test('holds the values used last, whatever was asked and stored before', () => {
    const step = fc.tuple(fc.constantFrom('get', 'set'), fc.constantFrom('a', 'b', 'c', 'd'));
    fc.assert(
      fc.property(fc.array(step), fc.integer({ min: 1, max: 3 }), (steps, capacity) => {
        const kept = new LeastRecentlyUsed<string>(capacity);
        let model: string[] = [];
        for (const [kind, key] of steps) {
          if (kind === 'set') {
            kept.set(key, key);
            model = [...model.filter((other) => other !== key), key].slice(-capacity);
          } else {
            expect(kept.get(key)).toBe(model.includes(key) ? key : undefined);
            if (model.includes(key)) model = [...model.filter((other) => other !== key), key];
          }
        }
      }),
    );
  });
});

describe('SharedDatasets', () => {
  test('reads a data set once for all jobs that ask for it at the same time', async () => {
    let reads = 0;
    const datasets = new SharedDatasets({
      get: async () => {
        reads += 1;
        return Uint8Array.of(1, 2, 3);
      },
    });
    const [one, two] = await Promise.all([datasets.get('a'), datasets.get('a')]);
    expect(two).toBe(one);
    expect([...new Uint8Array(one)]).toEqual([1, 2, 3]);
    expect(reads).toBe(1);
  });

  test('tries again after a read that failed', async () => {
    let reads = 0;
    const datasets = new SharedDatasets({
      get: async () => {
        reads += 1;
        if (reads === 1) throw new Error('away');
        return Uint8Array.of(4);
      },
    });
    await expect(datasets.get('a')).rejects.toThrow('away');
    expect([...new Uint8Array(await datasets.get('a'))]).toEqual([4]);
  });
});
