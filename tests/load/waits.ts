import { events } from '@rookery/contracts';

import { distinctEvents } from '../chaos/history.js';
import type { StoredMessage } from '../chaos/history.js';

/** How long runs took from their plan to their last trained job, as the events' times tell, ms. */
export interface Waits {
  /** Jobs of a data set were under way for so long, from the first trained to the last: medians. */
  readonly smallMs: number;
  readonly bigMs: number;
  /** Between the end of a small run and the end of the next: the median, and the longest, which is that behind a big one. */
  readonly betweenMs: number;
  readonly longestBetweenMs: number;
}

/** Reads the times out of the log. */
export function waitsOf(
  published: readonly string[],
  log: readonly StoredMessage[],
  big: ReadonlySet<string>,
): Waits {
  const times = new Map(log.map(({ id, headers }) => [id, Date.parse(headers?.['ce-time'] ?? '')]));
  const spans = new Map<string, { from: number; to: number }>();
  for (const { id, data } of distinctEvents(log, events.foldTrained)) {
    const at = times.get(id) ?? NaN;
    const span = spans.get(data.runId);
    const from = at - data.durationMs;
    spans.set(data.runId, {
      from: Math.min(span?.from ?? Infinity, from),
      to: Math.max(span?.to ?? -Infinity, at),
    });
  }
  const known = published.filter((runId) => spans.has(runId));
  const lengthOf = (runId: string): number => (spans.get(runId)?.to ?? 0) - (spans.get(runId)?.from ?? 0);
  const ends = known.filter((runId) => !big.has(runId)).map((runId) => spans.get(runId)?.to ?? 0);
  ends.sort((a, b) => a - b);
  const gaps = ends.slice(1).map((end, k) => end - (ends[k] ?? 0));
  return {
    smallMs: median(known.filter((runId) => !big.has(runId)).map(lengthOf)),
    bigMs: median(known.filter((runId) => big.has(runId)).map(lengthOf)),
    betweenMs: median(gaps),
    longestBetweenMs: Math.round(Math.max(0, ...gaps)),
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
}
