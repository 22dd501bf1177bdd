import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { createCaptureBuffer } from '../src/domain/capture-buffer.js';

describe('capture buffer', () => {
  it('drops the oldest when it is full, and counts it', () => {
    const buffer = createCaptureBuffer<number>(3);
    for (let i = 1; i <= 5; i += 1) buffer.push(i);
    expect(buffer.take(10)).toEqual([3, 4, 5]);
    expect(buffer.counts()).toEqual({ answered: 5, captured: 3, dropped: 2, published: 0, buffered: 3 });
  });

  it('keeps what is being sent and drops what comes in, where there is no room', () => {
    const buffer = createCaptureBuffer<number>(2);
    buffer.push(1);
    buffer.push(2);
    expect(buffer.take(2)).toEqual([1, 2]);
    buffer.push(3);
    expect(buffer.counts()).toMatchObject({ dropped: 1, buffered: 2 });
    buffer.sent(2);
    buffer.push(4);
    expect(buffer.take(1)).toEqual([4]);
  });

  it('drops the oldest where the rest would weigh too much, however few they are', () => {
    const buffer = createCaptureBuffer<number>(100, { bytes: 10, bytesOf: (entry) => entry });
    for (const weight of [4, 3, 2, 1]) buffer.push(weight);
    expect(buffer.bytes).toBe(10);
    buffer.push(5);
    expect(buffer.counts()).toMatchObject({ answered: 5, dropped: 2, buffered: 3 });
    expect(buffer.bytes).toBe(8);
    // More than half of the bytes are never on their way, so that what comes meanwhile has room.
    expect(buffer.take(10)).toEqual([2, 1]);
    buffer.push(11);
    expect(buffer.counts()).toMatchObject({ answered: 6, dropped: 4, buffered: 2 });
    buffer.push(6);
    expect(buffer.bytes).toBe(9);
    buffer.sent(2);
    expect(buffer.bytes).toBe(6);
    expect(buffer.take(10)).toEqual([6]);
  });

  type Step = { kind: 'push' } | { kind: 'take' | 'sent' | 'lost'; count: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.constant<Step>({ kind: 'push' }) },
    fc.record({ kind: fc.constantFrom<'take' | 'sent' | 'lost'>('take', 'sent', 'lost'), count: fc.nat(8) }),
  );

  it('accounts for every answered prediction: answered = captured + dropped, captured = published + buffered', () => {
    fc.assert(
      fc.property(fc.nat(6), fc.nat(20), fc.array(step, { maxLength: 120 }), (capacity, bytes, steps) => {
        const buffer = createCaptureBuffer<number>(capacity, { bytes, bytesOf: (entry) => entry % 5 });
        const out: number[] = [];
        let pushed = 0;
        let inFlight = 0;
        let published = 0;
        for (const item of steps) {
          if (item.kind === 'push') buffer.push(pushed++);
          else if (item.kind === 'take') {
            const taken = buffer.take(item.count);
            out.push(...taken);
            inFlight += taken.length;
          } else {
            const count = Math.min(item.count, inFlight);
            inFlight -= count;
            if (item.kind === 'sent') {
              buffer.sent(count);
              published += count;
            } else buffer.lost(count);
          }
          const counts = buffer.counts();
          expect(counts.answered).toBe(pushed);
          expect(counts.captured + counts.dropped).toBe(pushed);
          expect(counts.published + counts.buffered).toBe(counts.captured);
          expect(counts.published).toBe(published);
          expect(counts.buffered).toBeLessThanOrEqual(Math.max(capacity, inFlight));
          expect(counts.buffered).toBe(buffer.waiting + inFlight);
          expect(buffer.bytes).toBeLessThanOrEqual(bytes);
        }
        // In order, none twice.
        expect(out).toEqual([...new Set(out)].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });
});
