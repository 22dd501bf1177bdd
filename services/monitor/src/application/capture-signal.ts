/** Wakes those who wait for captures of a model version. */
export class CaptureSignal {
  readonly #waiting = new Map<string, Set<() => void>>();

  /** Says that captures of this version came in. */
  notify(versionKey: string): void {
    for (const wake of this.#waiting.get(versionKey) ?? []) wake();
  }

  /**
   * Resolves to true as soon as `enough` does, which is asked now and at every capture; to false after `timeoutMs` or when
   * the signal aborts.
   */
  waitUntil(versionKey: string, enough: () => Promise<boolean>, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(versionKey) ?? new Set();
      this.#waiting.set(versionKey, waiting);
      const done = (result: boolean): void => {
        clearTimeout(timer);
        waiting.delete(ask);
        if (waiting.size === 0) this.#waiting.delete(versionKey);
        resolve(result);
      };
      const ask = (): void => {
        enough().then(
          (yes) => {
            if (yes) done(true);
          },
          (error: unknown) => {
            done(false);
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      };
      const timer = setTimeout(() => {
        done(false);
      }, timeoutMs);
      signal?.addEventListener('abort', () => {
        done(false);
      }, { once: true });
      waiting.add(ask);
      ask();
    });
  }
}
