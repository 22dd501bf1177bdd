import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import { warmWhenIdle } from '../src/application/warm-when-idle.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const parts = (
  served = false,
): { warm: ReturnType<typeof vi.fn<() => Promise<void>>>; served: () => boolean; afterMs: number } & {
  logger: { warn: ReturnType<typeof vi.fn<(fields: object, message: string) => void>> };
} => ({
  warm: vi.fn(async () => undefined),
  served: () => served,
  afterMs: 300,
  logger: { warn: vi.fn() },
});

test('a replica that serves nothing is warmed once its start is done', async () => {
  const idle = parts();
  warmWhenIdle(idle);
  await vi.advanceTimersByTimeAsync(299);
  expect(idle.warm).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(idle.warm).toHaveBeenCalledTimes(1);
});

test('a replica that serves a model by then, or stops, is not warmed', async () => {
  const serving = parts(true);
  const stopped = parts();
  warmWhenIdle(serving);
  warmWhenIdle(stopped)();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(serving.warm).not.toHaveBeenCalled();
  expect(stopped.warm).not.toHaveBeenCalled();
});

test('a warm-up that fails is told in the log, and stops nothing', async () => {
  const failing = parts();
  const problem = new Error('no such backend');
  failing.warm.mockRejectedValue(problem);
  warmWhenIdle(failing);
  await vi.advanceTimersByTimeAsync(300);
  expect(failing.logger.warn).toHaveBeenCalledWith({ err: problem }, expect.stringContaining('warmed up'));
});
