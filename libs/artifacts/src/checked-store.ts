import { createHash } from 'node:crypto';
import { RookeryError } from '@rookery/contracts';
import type { ArtifactRef, ArtifactStore } from './artifact-store.js';
import type { Backend } from './backends/backend.js';
import { ByteCache } from './byte-cache.js';
import { checkSha256, sha256Of } from './checksum.js';
import {
  ArtifactCorruptError,
  ArtifactInvalidError,
  ArtifactNotFoundError,
  ArtifactUnavailableError,
} from './errors.js';
import { spool } from './spool.js';

/** The artifact store over any backend: checksums, cache, one fetch and one write at a time per artifact. */
export class CheckedArtifactStore implements ArtifactStore {
  readonly #backend: Backend;
  readonly #cache: ByteCache;
  readonly #reads = new Map<string, Promise<Uint8Array>>();
  readonly #writes = new Map<string, Promise<void>>();

  constructor(backend: Backend, cacheBytes: number) {
    this.#backend = backend;
    this.#cache = new ByteCache(cacheBytes);
  }

  get kind(): Backend['kind'] {
    return this.#backend.kind;
  }

  async put(bytes: Uint8Array, mediaType: string): Promise<ArtifactRef> {
    checkMediaType(mediaType);
    const sha256 = sha256Of(bytes);
    // A copy: the caller may reuse its buffer while the write is under way, and the cache keeps it afterwards.
    const own = bytes.slice();
    await this.#writeOnce(sha256, () => this.#backend.write(sha256, own, mediaType));
    this.#cache.set(sha256, own);
    return { sha256, bytes: own.byteLength, mediaType };
  }

  async putStream(source: AsyncIterable<Uint8Array>, mediaType: string): Promise<ArtifactRef> {
    checkMediaType(mediaType);
    const { sha256, size, file, remove } = await spool(source, this.#backend.spoolDirectory);
    try {
      await this.#writeOnce(sha256, () => this.#backend.writeFile(sha256, file, size, mediaType));
      return { sha256, bytes: size, mediaType };
    } finally {
      await remove();
    }
  }

  async get(sha256: string): Promise<Uint8Array> {
    checkSha256(sha256);
    const cached = this.#cache.get(sha256);
    if (cached !== undefined) return cached;
    let read = this.#reads.get(sha256);
    if (read === undefined) {
      read = this.#fetch(sha256).finally(() => this.#reads.delete(sha256));
      this.#reads.set(sha256, read);
    }
    return read;
  }

  async has(sha256: string): Promise<boolean> {
    checkSha256(sha256);
    return this.#attempt(`look for artifact ${sha256}`, () => this.#backend.exists(sha256));
  }

  async openRead(sha256: string): Promise<AsyncIterable<Uint8Array>> {
    checkSha256(sha256);
    const action = `read artifact ${sha256}`;
    const source = await this.#attempt(action, () => this.#backend.stream(sha256));
    if (source === undefined) throw new ArtifactNotFoundError(sha256, this.#backend.where);
    return this.#verified(sha256, source, action);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#writes.values());
    this.#cache.clear();
    await this.#backend.close();
  }

  async #fetch(sha256: string): Promise<Uint8Array> {
    const bytes = await this.#attempt(`read artifact ${sha256}`, () => this.#backend.read(sha256));
    if (bytes === undefined) throw new ArtifactNotFoundError(sha256, this.#backend.where);
    this.#verify(sha256, sha256Of(bytes), bytes.byteLength);
    this.#cache.set(sha256, bytes);
    return bytes;
  }

  async *#verified(
    sha256: string,
    source: AsyncIterable<Uint8Array>,
    action: string,
  ): AsyncGenerator<Uint8Array> {
    const hash = createHash('sha256');
    let size = 0;
    try {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      throw error instanceof RookeryError
        ? error
        : new ArtifactUnavailableError(action, this.#backend.where, error);
    }
    this.#verify(sha256, hash.digest('hex'), size);
  }

  #verify(sha256: string, actual: string, size: number): void {
    if (actual === sha256) return;
    throw new ArtifactCorruptError(
      sha256,
      this.#backend.where,
      `its ${size} bytes have the checksum ${actual}`,
    );
  }

  async #writeOnce(sha256: string, write: () => Promise<void>): Promise<void> {
    let under = this.#writes.get(sha256);
    if (under === undefined) {
      under = this.#attempt(`store artifact ${sha256}`, write).finally(() => this.#writes.delete(sha256));
      this.#writes.set(sha256, under);
    }
    await under;
  }

  async #attempt<R>(action: string, step: () => Promise<R>): Promise<R> {
    try {
      return await step();
    } catch (error) {
      if (error instanceof RookeryError) throw error;
      throw new ArtifactUnavailableError(action, this.#backend.where, error);
    }
  }
}

function checkMediaType(mediaType: string): void {
  if (!/^[\w.+-]+\/[\w.+-]+(;.*)?$/.test(mediaType)) {
    throw new ArtifactInvalidError(`'${mediaType}' is not a media type such as application/json.`, {
      mediaType,
    });
  }
}
