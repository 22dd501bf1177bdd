import type { EventType } from '@rookery/contracts';
import type { Bus, BusEvent } from '../types.js';

/**
 * The first `n` events of a type that the stream holds or gets, in order; rejects after `deadlineMs` (default 10 000)
 * saying how many were seen. Acknowledges nothing, so that it never takes work away from a consumer.
 */
export async function collect<T>(
  bus: Bus,
  event: EventType<T>,
  n: number,
  deadlineMs = 10_000,
): Promise<BusEvent<T>[]> {
  const seen: BusEvent<T>[] = [];
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`${seen.length} of ${n} ${event.type} events after ${deadlineMs} ms`)),
      deadlineMs,
    );
  });
  const enough = new Promise<void>((resolve, reject) => {
    bus
      .replay(event, {
        untilCaughtUp: false,
        signal: controller.signal,
        onEvent: (item) => {
          if (seen.length < n) seen.push(item);
          if (seen.length >= n) resolve();
        },
      })
      .then((replay) => replay.done)
      .catch(reject);
    if (n === 0) resolve();
  });
  try {
    await Promise.race([enough, deadline]);
    return seen;
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
