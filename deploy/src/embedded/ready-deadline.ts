/** Tells when a service has had its time to become ready. */
export interface ReadyDeadline {
  /** Whether the time is over; `lines` are the last lines that the service wrote. */
  over(lines: readonly string[], nowMs: number): boolean;
  /** How far a rebuild has come since the last call, in words; undefined where there is nothing new. */
  news(): string | undefined;
}

/**
 * A deadline of `ms` that begins anew whenever the service says that it gets on with rebuilding its database: a long log
 * takes as long as it takes, and giving up on it would only mean to begin it again.
 */
export function readyDeadline(ms: number, startMs: number): ReadyDeadline {
  let endMs = startMs + ms;
  let seen = '';
  let told = '';
  return {
    over(lines, nowMs) {
      const last = lines.findLast((line) => line.includes('still rebuilding'));
      if (last !== undefined && last !== seen) {
        seen = last;
        endMs = nowMs + ms;
      }
      return nowMs > endMs;
    },
    news() {
      if (seen === told) return undefined;
      told = seen;
      return wordsOf(seen);
    },
  };
}

function wordsOf(line: string): string {
  try {
    const { stream, sequence, of } = JSON.parse(line) as Record<string, unknown>;
    return `rebuilding its database from the log: ${String(stream)}, ${String(sequence)} of ${String(of)}`;
  } catch {
    // A log made for people to read.
    return 'rebuilding its database from the log';
  }
}
