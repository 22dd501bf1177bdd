import type { Logger } from '@rookery/telemetry';

const everyMs = 1000;

/** Logs refused callers: one line a second at most, which counts the others. Someone who guesses must not fill the disk. */
export function createRefusalLog(
  logger: Logger,
  now: () => number = () => performance.now(),
): (what: string, peer: string, error: unknown) => void {
  let loggedAt = Number.NEGATIVE_INFINITY;
  let unlogged = 0;
  return (what, peer, error) => {
    if (now() - loggedAt < everyMs) {
      unlogged += 1;
      return;
    }
    const reason = error instanceof Error ? error.message : String(error);
    logger.warn(
      { method: what, peer, reason, ...(unlogged > 0 ? { others_refused: unlogged } : {}) },
      'call refused: its caller may not make it',
    );
    loggedAt = now();
    unlogged = 0;
  };
}
