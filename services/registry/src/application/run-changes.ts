/** Waits for the document of one run to change. */
export interface RunSubscription {
  /** Number of changes so far; take it before reading the document. */
  readonly seen: number;
  /** Resolves when there are more than `seen` changes, after `timeoutMs`, or when the signal aborts. */
  changedSince(seen: number, timeoutMs: number, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** Tells watchers within this process that a run's document changed. */
export interface RunChanges {
  notify(runId: string): void;
  subscribe(runId: string): RunSubscription;
}

/** An in-process notifier; it holds something only for runs that are being watched. */
export function createRunChanges(): RunChanges {
  const listeners = new Map<string, Set<() => void>>();
  return {
    notify: (runId) => {
      for (const listener of [...(listeners.get(runId) ?? [])]) listener();
    },
    subscribe: (runId) => {
      let seen = 0;
      let wake: (() => void) | undefined;
      const listener = (): void => {
        seen += 1;
        wake?.();
      };
      let set = listeners.get(runId);
      if (!set) listeners.set(runId, (set = new Set()));
      set.add(listener);
      const watched = set;
      return {
        get seen() {
          return seen;
        },
        changedSince: (since, timeoutMs, signal) => {
          if (seen > since || signal.aborted) return Promise.resolve();
          return new Promise<void>((resolve) => {
            const done = (): void => {
              clearTimeout(timer);
              signal.removeEventListener('abort', done);
              wake = undefined;
              resolve();
            };
            const timer = setTimeout(done, timeoutMs);
            signal.addEventListener('abort', done, { once: true });
            wake = done;
          });
        },
        close: () => {
          watched.delete(listener);
          if (watched.size === 0 && listeners.get(runId) === watched) listeners.delete(runId);
        },
      };
    },
  };
}
