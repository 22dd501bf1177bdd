import { parseTraceparent } from '@rookery/bus';
import type { EventMeta } from '@rookery/bus';
import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';

import type { EventFeed, EventLine } from '../domain/event-feed.js';
import type { ProgressBook, RunShare } from '../domain/progress-book.js';

/** What a live listener is told. */
export type LiveMessage =
  | { readonly kind: 'event'; readonly line: EventLine }
  /** Epochs of any run, in the order they came. */
  | {
      readonly kind: 'progress';
      readonly points: readonly FoldProgress[];
      readonly shares: readonly RunShare[];
    };

/** Takes in what passes on the bus, keeps a little of it, and tells the listeners. */
export interface LiveHub {
  event(meta: EventMeta): void;
  progress(progress: FoldProgress): void;
  subscribe(listener: (message: LiveMessage) => void): () => void;
  stop(): void;
}

/** Progress is gathered this long before it is told, ms: a fast training reports thousands of epochs a second. */
const gatherMs = 150;

/** A hub over a feed and a book. Points gathered are bounded: beyond `maxPoints` only the shares stay exact. */
export function createLiveHub(feed: EventFeed, book: ProgressBook, maxPoints = 5_000): LiveHub {
  const listeners = new Set<(message: LiveMessage) => void>();
  let points: FoldProgress[] = [];
  let timer: NodeJS.Timeout | undefined;
  const tell = (message: LiveMessage): void => {
    for (const listener of listeners) listener(message);
  };
  const flush = (): void => {
    timer = undefined;
    const gathered = points;
    points = [];
    const shares = [...new Set(gathered.map(({ runId }) => runId))].flatMap(
      (runId) => book.share(runId) ?? [],
    );
    tell({ kind: 'progress', points: gathered, shares });
  };
  return {
    event(meta) {
      tell({ kind: 'event', line: feed.add(lineOf(meta)) });
    },
    progress(progress) {
      book.add(progress);
      if (listeners.size === 0) return;
      if (points.length >= maxPoints) points.shift();
      points.push(progress);
      timer ??= setTimeout(flush, gatherMs).unref();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      clearTimeout(timer);
      listeners.clear();
    },
  };
}

/** What the feed shows of an event: nothing of its payload. */
export function lineOf(meta: EventMeta): Omit<EventLine, 'n'> {
  return {
    id: meta.id,
    type: meta.type,
    key: meta.key,
    source: meta.source,
    timeMs: meta.time.getTime(),
    correlationId: meta.correlationId,
    traceId: parseTraceparent(meta.traceparent)?.traceId ?? '',
  };
}
