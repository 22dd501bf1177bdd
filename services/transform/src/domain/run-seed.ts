import { digestOf } from '@rookery/contracts';

/** Seed of a run in development where the request gives none. */
export const developmentSeed = 42;

/**
 * Seed of a run: the request's own, else 42 in development, else a fresh one for each event. "Fresh" is derived from
 * the event's id, so that a redelivered event plans the same run again.
 */
export function runSeed(
  given: number | undefined,
  mode: 'development' | 'production',
  requestEventId: string,
): number {
  if (given !== undefined) return given;
  return mode === 'development' ? developmentSeed : Number.parseInt(digestOf(8, 'seed', requestEventId), 16);
}
