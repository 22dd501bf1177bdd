import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { jetstreamManager, JetStreamApiError, StorageType, type JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import { Objm, setSha256Backend, type ObjectStore } from '@nats-io/obj';
import { ArtifactCorruptError } from '../errors.js';
import type { Backend } from './backend.js';
import { recordSubject, writeObject } from './nats-object-writer.js';

/** Content up to this size is one message: it is written and read with one request each. */
const CHUNK_BYTES = 512 * 1024;
/** A chunk up to this size is read to see whether it is there; of a larger one the broker is asked. */
const SMALL_BYTES = 64 * 1024;
/** A chunk that does not come for so long is not coming. */
const CHUNK_TIMEOUT_MS = 20_000;
/** JetStream's answer where the expected last sequence of a subject is another: somebody else wrote first. */
const WRONG_LAST_SEQUENCE = 10071;

/** What a bucket records of an object, as far as it is needed here. */
interface ObjectRecord {
  readonly nuid: string;
  readonly size: number;
  readonly chunks: number;
  readonly digest: string;
  readonly deleted?: boolean;
  readonly revision: number;
}

export interface NatsBackendOptions {
  readonly bucket: string;
  /** Copies the bucket is created with; an existing bucket keeps its own. */
  readonly replicas: number;
}

/** Opens the bucket, creating it where it is missing. */
export async function openNatsBackend(nc: NatsConnection, opts: NatsBackendOptions): Promise<Backend> {
  // The client computes a digest of its own; by default in JavaScript, many times slower than Node's.
  setSha256Backend('native');
  const manager = await jetstreamManager(nc);
  const create = (): Promise<ObjectStore> =>
    new Objm(nc).create(opts.bucket, {
      storage: StorageType.File,
      replicas: opts.replicas,
      description: 'Datasets, models and reports by the SHA-256 of their bytes',
    });
  // Services start together: the loser of a race to create the bucket finds it on its second try.
  const objects = await create()
    .catch(create)
    .catch((error: unknown) => openExisting(nc, opts.bucket, error));
  return new NatsBackend(nc, manager, objects, opts.bucket);
}

/** A user of the broker that may not create the bucket takes the one that is there; without one, the refusal stands. */
async function openExisting(nc: NatsConnection, bucket: string, refused: unknown): Promise<ObjectStore> {
  if (
    !(refused instanceof Error) ||
    !/permissions violation/i.test(`${refused.message} ${String(refused.cause)}`)
  )
    throw refused;
  return new Objm(nc).open(bucket).catch(() => {
    throw refused;
  });
}

/** An object store bucket; the object's name is the checksum. */
class NatsBackend implements Backend {
  readonly kind = 'nats';
  readonly where: string;
  readonly spoolDirectory = join(tmpdir(), 'rookery-artifacts');
  readonly #nc: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #objects: ObjectStore;
  readonly #bucket: string;
  readonly #stream: string;

  constructor(nc: NatsConnection, manager: JetStreamManager, objects: ObjectStore, bucket: string) {
    this.#nc = nc;
    this.#manager = manager;
    this.#objects = objects;
    this.#bucket = bucket;
    this.#stream = `OBJ_${bucket}`;
    this.where = `the NATS object store '${bucket}'`;
  }

  async exists(sha256: string): Promise<boolean> {
    const info = await this.#info(sha256);
    return info !== undefined && (await this.#isWhole(info));
  }

  async write(sha256: string, bytes: Uint8Array, mediaType: string): Promise<void> {
    await this.#put(sha256, mediaType, () => only(bytes));
  }

  async writeFile(sha256: string, file: string, _size: number, mediaType: string): Promise<void> {
    await this.#put(sha256, mediaType, () => createReadStream(file, { highWaterMark: CHUNK_BYTES }));
  }

  async read(sha256: string): Promise<Uint8Array | undefined> {
    const info = await this.#info(sha256);
    if (info === undefined) return undefined;
    this.#checkDigest(sha256, info);
    if (info.size === 0) return new Uint8Array(0);
    if (info.chunks === 1) return this.#onlyChunk(sha256, info);
    const bytes = new Uint8Array(info.size);
    let filled = 0;
    for await (const chunk of await this.#chunks(sha256, info)) {
      if (filled + chunk.byteLength > info.size)
        throw this.#corrupt(sha256, 'it has more bytes than it should');
      bytes.set(chunk, filled);
      filled += chunk.byteLength;
    }
    return bytes.subarray(0, filled);
  }

  async stream(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const info = await this.#info(sha256);
    if (info === undefined) return undefined;
    this.#checkDigest(sha256, info);
    return info.size === 0 ? Readable.from([]) : this.#chunks(sha256, info);
  }

  async close(): Promise<void> {
    // The connection belongs to the caller.
  }

  async #put(sha256: string, mediaType: string, open: () => AsyncIterable<Uint8Array>): Promise<void> {
    // Whichever copy of the bucket answers: one that is behind lets the write go on, which is refused then.
    const current = await this.#directRecord(sha256);
    if (current !== undefined && current.digest === digestOf(sha256) && (await this.#isWhole(current)))
      return;
    const nuid = randomUUID().replaceAll('-', '');
    try {
      await writeObject(
        this.#nc,
        this.#bucket,
        {
          name: sha256,
          nuid,
          metadata: { 'media-type': mediaType },
          chunkBytes: CHUNK_BYTES,
          // Only the first of two writers becomes visible.
          previousRevision: current?.revision ?? 0,
        },
        open(),
      );
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== WRONG_LAST_SEQUENCE) throw error;
      const winner = await this.#record(sha256);
      if (winner?.nuid !== nuid)
        await this.#manager.streams.purge(this.#stream, { filter: this.#chunkSubject({ nuid }) });
      if (!(await this.exists(sha256))) throw error;
    }
  }

  /** Whether all chunks are there: a record alone proves nothing, and what is not whole is to be written again. */
  async #isWhole(info: ObjectRecord): Promise<boolean> {
    if (info.deleted === true) return false;
    if (info.size === 0) return true;
    if (info.chunks === 1 && info.size <= SMALL_BYTES) return (await this.#chunk(info))?.length === info.size;
    return (await this.#storedChunks(info)) === info.chunks;
  }

  async #storedChunks(info: ObjectRecord): Promise<number> {
    const subject = this.#chunkSubject(info);
    const { state } = await this.#manager.streams.info(this.#stream, { subjects_filter: subject });
    return state.subjects?.[subject] ?? 0;
  }

  async #info(sha256: string): Promise<ObjectRecord | undefined> {
    const info = (await this.#directRecord(sha256)) ?? (await this.#record(sha256));
    return info?.deleted === true ? undefined : info;
  }

  /** The record as any copy of the bucket has it, at a third of the broker's work; a copy may be a moment behind. */
  async #directRecord(sha256: string): Promise<ObjectRecord | undefined> {
    const last_by_subj = recordSubject(this.#bucket, sha256);
    const message = await this.#manager.direct.getMessage(this.#stream, { last_by_subj });
    return message === null ? undefined : { ...message.json<ObjectRecord>(), revision: message.seq };
  }

  /** The record as the copy has it that all writes go through. */
  async #record(sha256: string): Promise<ObjectRecord | undefined> {
    return (await this.#objects.info(sha256)) ?? undefined;
  }

  /** One request instead of a consumer made, used and removed. */
  async #onlyChunk(sha256: string, info: ObjectRecord): Promise<Uint8Array> {
    const chunk = await this.#chunk(info);
    if (chunk === undefined) throw this.#corrupt(sha256, 'its content is gone');
    return chunk;
  }

  async #chunk(info: ObjectRecord): Promise<Uint8Array | undefined> {
    const last_by_subj = this.#chunkSubject(info);
    return (await this.#manager.direct.getMessage(this.#stream, { last_by_subj }))?.data;
  }

  async #chunks(sha256: string, info: ObjectRecord): Promise<AsyncIterable<Uint8Array>> {
    const stored = await this.#storedChunks(info);
    // Without this check a reader would wait for chunks that are not there.
    if (stored !== info.chunks)
      throw this.#corrupt(sha256, `${stored} of its ${info.chunks} chunks are stored`);
    return this.#delivered(sha256);
  }

  async *#delivered(sha256: string): AsyncGenerator<Uint8Array> {
    const result = await this.#objects.get(sha256);
    if (result === null) throw this.#corrupt(sha256, 'it was removed while being read');
    // The stream reports the same failure; this promise must not go unheard.
    result.error.catch(() => undefined);
    const reader = result.data.getReader();
    try {
      for (;;) {
        const { done, value } = await inTime(reader.read());
        if (done) return;
        yield value;
      }
    } catch (error) {
      if (error instanceof Error && error.message.includes('corrupt object')) {
        throw new ArtifactCorruptError(sha256, this.where, 'its bytes have another checksum', error);
      }
      throw error;
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }

  #chunkSubject({ nuid }: Pick<ObjectRecord, 'nuid'>): string {
    return `$O.${this.#bucket}.C.${nuid}`;
  }

  #checkDigest(sha256: string, info: ObjectRecord): void {
    if (info.digest !== digestOf(sha256))
      throw this.#corrupt(sha256, `it is recorded with the digest ${info.digest}`);
  }

  #corrupt(sha256: string, problem: string): ArtifactCorruptError {
    return new ArtifactCorruptError(sha256, this.where, problem);
  }
}

/** The object store's own spelling of a checksum. */
function digestOf(sha256: string): string {
  return `SHA-256=${Buffer.from(sha256, 'hex').toString('base64').replaceAll('+', '-').replaceAll('/', '_')}`;
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function inTime<R>(step: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no chunk came for ${CHUNK_TIMEOUT_MS} ms`)), CHUNK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([step, late]);
  } finally {
    clearTimeout(timer);
  }
}
