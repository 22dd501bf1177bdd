/** Wakes those who wait for something about a model: captures, a registration, a promotion. */
export class CaptureSignal {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Says that something about this model came in. */
  notify(model: string): void {
    for (const wake of this.#waiting.get(model) ?? []) wake();
  }

  /**
   * Resolves to true as soon as `enough` does, which is asked now and whenever something came in; to false after
   * `timeoutMs` or when the signal aborts. Rejects with what `enough` rejects with.
   */
  waitUntil(
    model: string,
    enough: () => Promise<boolean>,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(model) ?? new Set();
      this.#waiting.set(model, waiting);
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        waiting.delete(ask);
        if (waiting.size === 0 && this.#waiting.get(model) === waiting) this.#waiting.delete(model);
      };
      const giveUp = (): void => {
        end();
        resolve(false);
      };
      const ask = (): void => {
        enough().then(
          (yes) => {
            if (!yes) return;
            end();
            resolve(true);
          },
          (error: unknown) => {
            end();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      };
      const timer = setTimeout(giveUp, timeoutMs);
      signal?.addEventListener('abort', giveUp, { once: true });
      waiting.add(ask);
      if (signal?.aborted === true) giveUp();
      else ask();
    });
  }
}
