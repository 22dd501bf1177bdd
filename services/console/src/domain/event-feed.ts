/** An event as the feed shows it. */
export interface EventLine {
  /** Position in this feed, from 1. */
  readonly n: number;
  readonly id: string;
  readonly type: string;
  readonly key: string;
  readonly source: string;
  readonly timeMs: number;
  readonly correlationId: string;
  readonly traceId: string;
}

/** The newest events, oldest first. */
export interface EventFeed {
  add(line: Omit<EventLine, 'n'>): EventLine;
  all(): readonly EventLine[];
  /** Events after position `n`, or undefined where some of them are gone already. */
  after(n: number): readonly EventLine[] | undefined;
}

/** A feed of at most `size` events, default 100. */
export function createEventFeed(size = 100): EventFeed {
  let lines: EventLine[] = [];
  let last = 0;
  return {
    add(line) {
      last += 1;
      const added = { ...line, n: last };
      lines = [...lines.slice(Math.max(0, lines.length - size + 1)), added];
      return added;
    },
    all: () => lines,
    after(n) {
      if (n > last) return undefined;
      if (n < last - lines.length) return undefined;
      return lines.filter((line) => line.n > n);
    },
  };
}
