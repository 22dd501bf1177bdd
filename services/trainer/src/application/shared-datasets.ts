import type { ArtifactStore } from '@rookery/artifacts';

import { LeastRecentlyUsed } from '../domain/least-recently-used.js';

/** Data sets that a process keeps in memory. */
const datasetsKept = 2;

/** Reads each data set once for all threads of the process: its bytes lie in memory that the threads share. */
export class SharedDatasets {
  readonly #artifacts: Pick<ArtifactStore, 'get'>;
  readonly #kept = new LeastRecentlyUsed<Promise<SharedArrayBuffer>>(datasetsKept);

  constructor(artifacts: Pick<ArtifactStore, 'get'>) {
    this.#artifacts = artifacts;
  }

  /** The bytes of a data set; throws what the artifact store throws, and tries again at the next call. */
  async get(sha256: string): Promise<SharedArrayBuffer> {
    let bytes = this.#kept.get(sha256);
    if (bytes === undefined) {
      bytes = this.#read(sha256);
      this.#kept.set(sha256, bytes);
    }
    try {
      return await bytes;
    } catch (error) {
      // Unless another call has begun to read it again already.
      if (this.#kept.get(sha256) === bytes) this.#kept.delete(sha256);
      throw error;
    }
  }

  async #read(sha256: string): Promise<SharedArrayBuffer> {
    const bytes = await this.#artifacts.get(sha256);
    const shared = new SharedArrayBuffer(bytes.byteLength);
    new Uint8Array(shared).set(bytes);
    return shared;
  }
}
