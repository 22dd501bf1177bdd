import { isKey } from '@rookery/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { callIdLength, createCallIds, predictionId } from '../src/domain/prediction-ids.js';

describe('prediction ids', () => {
  it('are valid keys of 20 characters and a row, no two alike within a life', () => {
    const next = createCallIds(Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]));
    const ids = new Set<string>();
    for (let i = 0; i < 5000; i += 1) ids.add(next());
    expect(ids.size).toBe(5000);
    for (const id of ids) {
      expect(id).toHaveLength(callIdLength);
      expect(isKey(predictionId(id, 9999))).toBe(true);
    }
  });

  it('differ between lives that differ in any of their 60 random bits', () => {
    const eight = fc.uint8Array({ minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(eight, eight, (a, b) => {
        const same = (a[0]! & 15) === (b[0]! & 15) && a.every((byte, i) => i === 0 || byte === b[i]);
        expect(createCallIds(a)() === createCallIds(b)()).toBe(same);
      }),
    );
  });
});
