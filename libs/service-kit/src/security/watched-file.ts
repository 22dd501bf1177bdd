import { readFileSync, statSync } from 'node:fs';

/** Options of {@link WatchedFile}. */
export interface WatchedFileOptions {
  /** The file is looked at this often at most. Default 1000 ms. */
  readonly checkEveryMs?: number;
  /** Milliseconds, monotonic; default `performance.now`. */
  readonly now?: () => number;
  /** A version of the file that can't be read or understood; the last good one stays in force. */
  readonly onRefused?: (error: Error) => void;
}

/**
 * The content of a file, read again when it was changed or replaced (by a rename, or a link that points elsewhere now).
 * It is looked at when it is asked for, so there is no timer and no watcher to miss something. A change that can't be
 * understood leaves the last good content in force: half of a file must not lock everybody out, nor let anybody in.
 */
export class WatchedFile<T> {
  readonly path: string;
  readonly #parse: (text: string) => T;
  readonly #options: WatchedFileOptions;
  readonly #now: () => number;
  #content: T;
  #seen: string;
  #checkedAt: number;

  /** Throws what reading or `parse` throws: at the start there is no last good content. */
  constructor(path: string, parse: (text: string) => T, options: WatchedFileOptions = {}) {
    this.path = path;
    this.#parse = parse;
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#seen = fingerprint(path);
    this.#content = parse(readFileSync(path, 'utf8'));
    this.#checkedAt = this.#now();
  }

  /** The content in force. */
  get(): T {
    const now = this.#now();
    if (now - this.#checkedAt >= (this.#options.checkEveryMs ?? 1000)) {
      this.#checkedAt = now;
      this.#look();
    }
    return this.#content;
  }

  #look(): void {
    let seen = '';
    try {
      seen = fingerprint(this.path);
      if (seen === this.#seen) return;
      this.#content = this.#parse(readFileSync(this.path, 'utf8'));
      this.#seen = seen;
    } catch (error) {
      if (seen === this.#seen && seen === '') return;
      // Told once for each version of the file, not at each call.
      this.#seen = seen;
      this.#options.onRefused?.(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

/** Differs after a write and after a replacement. */
function fingerprint(path: string): string {
  const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
  return [dev, ino, size, mtimeNs, ctimeNs].join(':');
}
