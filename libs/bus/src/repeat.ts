import type { Stop } from './types.js';

/** What {@link repeatEvery} does, and with whom it speaks. */
export interface Repeated {
  /** One round. The signal aborts when the rounds are stopped: what goes through a list can end early. */
  readonly work: (signal: AbortSignal) => Promise<unknown>;
  /** Told the error of a round that failed; the next one comes as if it had not. */
  readonly failed: (error: unknown) => void;
  /** The first round begins now; otherwise after `everyMs`. */
  readonly atOnce?: boolean;
}

/**
 * Does work again and again: a round begins `everyMs` after the one before has ended, so that two never run side by side
 * however slow one is. The function returned ends it and resolves when the round in hand is done. A round may call it too,
 * to be the last one; it must not wait for it.
 */
export function repeatEvery(everyMs: number, { work, failed, atOnce = false }: Repeated): Stop {
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let round = Promise.resolve();
  const begin = (): void => {
    round = one().then(schedule);
  };
  const one = async (): Promise<void> => {
    try {
      await work(stopping.signal);
    } catch (error) {
      failed(error);
    }
  };
  const schedule = (): void => {
    if (!stopping.signal.aborted) timer = setTimeout(begin, everyMs);
  };
  if (atOnce) begin();
  else schedule();
  return async () => {
    stopping.abort();
    clearTimeout(timer);
    await round;
  };
}
