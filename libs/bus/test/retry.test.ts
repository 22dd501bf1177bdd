import fc from 'fast-check';
import { expect, test } from 'vitest';
import { retryDelayMs } from '../src/index.js';

const schedule = fc.record({
  baseMs: fc.integer({ min: 2, max: 5_000 }),
  maxMs: fc.integer({ min: 5_000, max: 120_000 }),
});

test('a delay lies between half of its ceiling and the ceiling, and never above the maximum', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      schedule,
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (attempt, s, r) => {
        const delay = retryDelayMs(attempt, { ...s, random: () => r });
        const ceiling = Math.min(s.maxMs, s.baseMs * 2 ** Math.min(attempt - 1, 30));
        expect(delay).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
        expect(delay).toBeLessThanOrEqual(Math.ceil(ceiling));
        expect(Number.isInteger(delay)).toBe(true);
      },
    ),
  );
});

test('with the same luck a later attempt never waits less than an earlier one', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 60 }),
      schedule,
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (attempt, s, r) => {
        const random = (): number => r;
        expect(retryDelayMs(attempt + 1, { ...s, random })).toBeGreaterThanOrEqual(
          retryDelayMs(attempt, { ...s, random }),
        );
      },
    ),
  );
});

test('different luck gives different delays, so that workers do not come back together', () => {
  expect(retryDelayMs(3, { random: () => 0 })).toBe(1_000);
  expect(retryDelayMs(3, { random: () => 0.999_999 })).toBe(2_000);
});

test.each([0, -5, Number.NaN, 0.4])('attempt %s counts as the first', (attempt) => {
  expect(retryDelayMs(attempt, { random: () => 0.5 })).toBe(retryDelayMs(1, { random: () => 0.5 }));
});
