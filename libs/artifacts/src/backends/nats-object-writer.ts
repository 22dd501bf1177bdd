import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstream, JetStreamApiError } from '@nats-io/jetstream';
import type { JetStreamClient } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import type { MsgHdrs, NatsConnection } from '@nats-io/transport-node';

/** An object as its bucket records it. */
export interface ObjectRecord {
  readonly name: string;
  /** Names its chunks; no other object has it. */
  readonly nuid: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly chunkBytes: number;
  /** Revision that the record replaces; 0 for none. JetStream refuses the record if it is another by now. */
  readonly previousRevision: number;
}

const ackTimeoutMs = 5_000;
const attempts = 6;

/**
 * Writes an object in the format of NATS object stores (ADR-20): chunks, then the record that makes them visible.
 *
 * The client's own `put` takes the chunks away whenever it fails. But a publish whose acknowledgement was lost may have
 * been stored: the record would be there, found by whoever reads or writes the same artifact, and its content gone. Here
 * every publish is repeated under its message id, so that a lost acknowledgement costs nothing, and the chunks stay: the
 * caller takes them away where it is certain that no record names them. What is left otherwise is never read.
 */
export async function writeObject(
  nc: NatsConnection,
  bucket: string,
  object: ObjectRecord,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { nuid } = object;
  const js = jetstream(nc);
  const hash = createHash('sha256');
  let size = 0;
  let chunks = 0;
  for await (const part of source) {
    for (let from = 0; from < part.byteLength; from += object.chunkBytes) {
      const chunk = part.subarray(from, from + object.chunkBytes);
      hash.update(chunk);
      size += chunk.byteLength;
      chunks += 1;
      await publish(nc, js, `$O.${bucket}.C.${nuid}`, chunk, `${nuid}-${chunks}`, headers());
    }
  }
  const record = {
    bucket,
    nuid,
    size,
    chunks,
    name: object.name,
    metadata: object.metadata,
    options: { max_chunk_size: object.chunkBytes },
    mtime: new Date().toISOString(),
    digest: `SHA-256=${hash.digest('base64').replaceAll('+', '-').replaceAll('/', '_')}`,
    deleted: false,
  };
  const conditions = headers();
  conditions.set('Nats-Rollup', 'sub');
  conditions.set('Nats-Expected-Last-Subject-Sequence', String(object.previousRevision));
  const text = Buffer.from(JSON.stringify(record));
  await publish(nc, js, recordSubject(bucket, object.name), text, `${nuid}-record`, conditions);
}

/** Subject of the record of an object. */
export function recordSubject(bucket: string, object: string): string {
  const name = Buffer.from(object).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
  return `$O.${bucket}.M.${name}`;
}

async function publish(
  nc: NatsConnection,
  js: JetStreamClient,
  subject: string,
  body: Uint8Array,
  id: string,
  conditions: MsgHdrs,
): Promise<void> {
  conditions.set('Nats-Msg-Id', id);
  for (let attempt = 1; ; attempt += 1) {
    try {
      await js.publish(subject, body, { headers: conditions, timeout: ackTimeoutMs });
      return;
    } catch (error) {
      // What JetStream refuses by a rule it refuses again; 503 is a shortage, which passes.
      const refused = error instanceof JetStreamApiError && error.status !== 503;
      if (refused || attempt === attempts || nc.isClosed()) throw error;
      await sleep(Math.min(2_000, 100 * 2 ** attempt));
    }
  }
}
