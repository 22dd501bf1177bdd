import { describe, expect, it } from 'vitest';

import { createMicroBatcher } from '../src/application/micro-batcher.js';

const wanted = (): void => undefined;

/** A forward pass whose outputs come when they are released, and the batches it was given. */
function laterForward(): {
  forward: (features: Float32Array, rows: number) => Promise<Float32Array>;
  batches: number[][];
  release: () => Promise<void>;
} {
  const batches: number[][] = [];
  const open: (() => void)[] = [];
  return {
    batches,
    forward: (features, rows) => {
      const batch = Array.from(features.subarray(0, rows));
      batches.push(batch);
      return new Promise((resolve, reject) => {
        open.push(() => {
          if (batch.includes(13)) reject(new Error('unlucky'));
          else resolve(Float32Array.from(batch, (value) => value * 10));
        });
      });
    },
    async release() {
      while (open.length === 0) await new Promise((turn) => setImmediate(turn));
      open.shift()!();
    },
  };
}

describe('a micro-batcher whose outputs come later', () => {
  it('computes one batch at a time, and joins what comes meanwhile', async () => {
    const { forward, batches, release } = laterForward();
    const batcher = createMicroBatcher(forward, 1, 1, 100);
    const first = batcher.run(Float32Array.of(1), 1, wanted);
    while (batches.length === 0) await new Promise((turn) => setImmediate(turn));
    const others = [2, 3, 4].map((value) => batcher.run(Float32Array.of(value), 1, wanted));
    await new Promise((turn) => setImmediate(turn));
    expect(batches).toEqual([[1]]);
    await release();
    expect(await first).toEqual(Float32Array.of(10));
    await release();
    expect((await Promise.all(others)).map(([value]) => value)).toEqual([20, 30, 40]);
    expect(batches).toEqual([[1], [2, 3, 4]]);
  });

  it('computes the calls of a batch that failed one by one: only the one at fault fails', async () => {
    const { forward, batches, release } = laterForward();
    const batcher = createMicroBatcher(forward, 1, 1, 100);
    const calls = [1, 13, 2].map((value) =>
      batcher.run(Float32Array.of(value), 1, wanted).catch((error: Error) => error.message),
    );
    for (let k = 0; k < 4; k += 1) await release();
    expect(await Promise.all(calls)).toEqual([Float32Array.of(10), 'unlucky', Float32Array.of(20)]);
    expect(batches).toEqual([[1, 13, 2], [1], [13], [2]]);
  });

  it('passes over a call that is not wanted any more, also after its batch has failed', async () => {
    const { forward, batches, release } = laterForward();
    const batcher = createMicroBatcher(forward, 1, 1, 100);
    let gone = false;
    const leaving = batcher
      .run(Float32Array.of(5), 1, () => {
        if (gone) throw new Error('gone');
      })
      .catch((error: Error) => error.message);
    const bad = batcher.run(Float32Array.of(13), 1, wanted).catch((error: Error) => error.message);
    while (batches.length === 0) await new Promise((turn) => setImmediate(turn));
    gone = true;
    await release();
    await release();
    expect(await Promise.all([leaving, bad])).toEqual(['gone', 'unlucky']);
    expect(batches).toEqual([[5, 13], [13]]);
  });
});
