import fc from 'fast-check';
import { expect, it } from 'vitest';

import { firstNotFinite } from '../src/finite.js';

it('the first number that is not finite is found wherever it stands', () => {
  const strange = fc.constantFrom(NaN, Infinity, -Infinity);
  const lengths = fc.oneof(fc.nat(20), fc.integer({ min: 4_090, max: 4_100 }), fc.nat(9_000));
  fc.assert(
    fc.property(lengths, fc.array(fc.tuple(fc.nat(9_000), strange), { maxLength: 3 }), (length, bad) => {
      const values = Float32Array.from({ length }, (_, i) => (i % 2 === 0 ? 3.4e38 : -3.4e38));
      for (const [at, value] of bad) if (at < length) values[at] = value;
      expect(firstNotFinite(values)).toBe(values.findIndex((value) => !Number.isFinite(value)));
    }),
  );
});
