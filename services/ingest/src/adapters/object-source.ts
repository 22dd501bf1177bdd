import type { Bus } from '@rookery/bus';
import { Objm } from '@nats-io/obj';

import { RetryableError, TerminalError } from '@rookery/contracts';

import type { OpenedSource } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';

/**
 * Opens `object://<bucket>/<name>` in the object store of the NATS server. A link to an
 * object of another bucket is not followed. Throws RK_DATASET_URI_INVALID, RK_DATASET_URI_FORBIDDEN (such a link),
 * RK_DATASET_NOT_FOUND (bucket or object), and RK_DATASET_UNREACHABLE (retryable) where the server does not answer.
 */
export async function openObject(uri: string, nc: Bus['nc']): Promise<OpenedSource> {
  const [bucket, name] = partsOf(uri);
  const missing = (what: string): TerminalError =>
    new TerminalError('RK_DATASET_NOT_FOUND', `There is no ${what} (${shortUri(uri)})`, {
      details: { uri: shortUri(uri) },
    });
  try {
    const store = await bucketOf(nc, bucket);
    if (store === undefined) throw missing(`bucket ${bucket}`);
    const found = await store.info(name);
    const target = found?.options?.link?.bucket;
    if (target !== undefined && target !== bucket) throw leaves(uri, bucket, target);
    const object = await store.get(name);
    if (object === null) throw missing(`object ${name} in the bucket ${bucket}`);
    // The object that was read, not the one that was looked at: a link may have taken its place in between.
    if (object.info.bucket !== bucket) {
      await object.data.cancel();
      throw leaves(uri, bucket, object.info.bucket);
    }
    return { bytes: object.info.size, chunks: contentOf(uri, object.data, object.error) };
  } catch (error) {
    throw error instanceof TerminalError ? error : unreachable(uri, error);
  }
}

function leaves(uri: string, bucket: string, target: string): TerminalError {
  return new TerminalError(
    'RK_DATASET_URI_FORBIDDEN',
    `${shortUri(uri)} is a link into the bucket ${target}: only objects of ${bucket} itself are read`,
    {
      details: { uri: shortUri(uri), bucket, target },
      hint: `Publish object://${target}/… itself.`,
    },
  );
}

async function bucketOf(
  nc: Bus['nc'],
  bucket: string,
): Promise<Awaited<ReturnType<Objm['open']>> | undefined> {
  const manager = new Objm(nc);
  try {
    return await manager.open(bucket);
  } catch (error) {
    if (error instanceof Error && /not found/i.test(error.message)) return undefined;
    throw error;
  }
}

async function* contentOf(
  uri: string,
  data: ReadableStream<Uint8Array>,
  failure: Promise<Error | null>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of data) yield chunk;
    // Nothing (null or undefined) where the digest is right.
    const error = await failure;
    if (error) throw error;
  } catch (error) {
    throw unreachable(uri, error);
  }
}

function partsOf(uri: string): [string, string] {
  const match = /^object:\/\/([A-Za-z0-9_-]+)\/(.+)$/s.exec(uri);
  let name: string | undefined;
  try {
    name = match?.[2] === undefined ? undefined : decodeURIComponent(match[2]);
  } catch {
    name = undefined;
  }
  if (match?.[1] !== undefined && name !== undefined) return [match[1], name];
  throw new TerminalError('RK_DATASET_URI_INVALID', `${shortUri(uri)} is no uri of an object`, {
    details: { field: 'uri', uri: shortUri(uri) },
    hint: 'Write object://<bucket>/<name>.',
  });
}

function unreachable(uri: string, error: unknown): RetryableError {
  const reason = error instanceof Error ? error.message : String(error);
  return new RetryableError('RK_DATASET_UNREACHABLE', `${shortUri(uri)} can not be read: ${reason}`, {
    details: { uri: shortUri(uri), reason },
    cause: error,
  });
}
