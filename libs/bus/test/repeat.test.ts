import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { repeatEvery } from '../src/repeat.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const never = (error: unknown): never => {
  throw error instanceof Error ? error : new Error(String(error));
};

/** Work whose rounds end when the test says so. */
function slowWork(): { work: () => Promise<void>; rounds: (() => void)[] } {
  const rounds: (() => void)[] = [];
  return { work: () => new Promise((resolve) => rounds.push(resolve)), rounds };
}

describe('work that is repeated', () => {
  it('begins after the interval, or at once where that is asked for', async () => {
    const later = slowWork();
    const now = slowWork();
    const stops = [
      repeatEvery(1000, { work: later.work, failed: never }),
      repeatEvery(1000, { work: now.work, failed: never, atOnce: true }),
    ];
    expect([later.rounds.length, now.rounds.length]).toEqual([0, 1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(later.rounds).toHaveLength(1);
    for (const end of [...later.rounds, ...now.rounds]) end();
    await Promise.all(stops.map((stop) => stop()));
  });

  it('is never done twice at one time: the interval begins when a round has ended', async () => {
    const { work, rounds } = slowWork();
    const stop = repeatEvery(1000, { work, failed: never, atOnce: true });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(rounds).toHaveLength(1);
    rounds[0]?.();
    await vi.advanceTimersByTimeAsync(999);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(2);
    rounds[1]?.();
    await stop();
  });

  it('goes on after a round that failed, and says what failed', async () => {
    const told: unknown[] = [];
    let rounds = 0;
    const stop = repeatEvery(1000, {
      work: () => Promise.reject(new Error(`round ${(rounds += 1)}`)),
      failed: (error) => told.push(error),
    });
    await vi.advanceTimersByTimeAsync(2000);
    expect(told).toEqual([new Error('round 1'), new Error('round 2')]);
    await stop();
  });

  it('is stopped when the round in hand has ended, which is told by its signal', async () => {
    let end = (): void => undefined;
    let signal: AbortSignal | undefined;
    let rounds = 0;
    const stop = repeatEvery(1000, {
      work: (given) => {
        rounds += 1;
        signal = given;
        return new Promise<void>((resolve) => (end = resolve));
      },
      failed: never,
      atOnce: true,
    });
    let stopped = false;
    const stopping = stop().then(() => (stopped = true));
    await vi.advanceTimersByTimeAsync(5000);
    expect([signal?.aborted, stopped]).toEqual([true, false]);
    end();
    await stopping;
    await vi.advanceTimersByTimeAsync(5000);
    expect(rounds).toBe(1);
  });

  it('leaves no timer behind where it is stopped between two rounds', async () => {
    const stop = repeatEvery(1000, { work: () => Promise.resolve(), failed: never });
    await vi.advanceTimersByTimeAsync(1500);
    await stop();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('can end itself: the round that stops it is the last one', async () => {
    let rounds = 0;
    const stop = repeatEvery(1000, {
      work: () => {
        rounds += 1;
        if (rounds === 2) void stop();
        return Promise.resolve();
      },
      failed: never,
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(rounds).toBe(2);
    expect(vi.getTimerCount()).toBe(0);
  });
});
