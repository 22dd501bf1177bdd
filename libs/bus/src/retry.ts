/** Shape of the retry schedule. */
export interface RetrySchedule {
  /** Upper bound of the first delay, ms. Default 500. */
  baseMs?: number;
  /** Upper bound of every delay, ms. Default 30 000. */
  maxMs?: number;
  /** Uniform in [0, 1); default `Math.random`. */
  random?: () => number;
}

/**
 * Delay before the next attempt, in whole milliseconds: exponential with equal jitter, that is uniform in
 * [c/2, c] with c = min(maxMs, baseMs · 2^(attempt−1)). Half of it is fixed, so that a failing dependency gets a
 * rest; half is random, so that the workers do not come back all at once (Brooker, "Exponential Backoff And
 * Jitter"). `attempt` counts from 1; anything lower counts as 1.
 */
export function retryDelayMs(attempt: number, schedule: RetrySchedule = {}): number {
  const { baseMs = 500, maxMs = 30_000, random = Math.random } = schedule;
  const exponent = Math.min(Math.max(Math.trunc(attempt) || 1, 1) - 1, 30);
  const ceiling = Math.min(maxMs, baseMs * 2 ** exponent);
  return Math.round(ceiling / 2 + (ceiling / 2) * random());
}
