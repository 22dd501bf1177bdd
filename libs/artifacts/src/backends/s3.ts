import { createReadStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type * as S3Module from '@aws-sdk/client-s3';
import type { GetObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import type { ArtifactsLocation } from '../artifacts-url.js';
import type { Backend } from './backend.js';

type S3Location = Extract<ArtifactsLocation, { kind: 's3' }>;

/** Connects to an S3-compatible store. Credentials come from the standard AWS chain (environment, profile, role). */
export async function openS3Backend(location: S3Location): Promise<Backend> {
  const s3 = await import('@aws-sdk/client-s3');
  const client = new s3.S3Client({
    region: location.region,
    forcePathStyle: location.pathStyle,
    // Content is verified by its own SHA-256; the extra checksums are what compatible servers most often lack.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(location.endpoint === undefined ? {} : { endpoint: location.endpoint }),
  });
  return new S3Backend(s3, client, location);
}

class S3Backend implements Backend {
  readonly kind = 's3';
  readonly where: string;
  readonly spoolDirectory = join(tmpdir(), 'rookery-artifacts');
  readonly #s3: typeof S3Module;
  readonly #client: S3Client;
  readonly #location: S3Location;

  constructor(s3: typeof S3Module, client: S3Client, location: S3Location) {
    this.#s3 = s3;
    this.#client = client;
    this.#location = location;
    const place = `s3://${location.bucket}/${location.prefix}`;
    this.where = location.endpoint === undefined ? place : `${place} at ${location.endpoint}`;
  }

  async exists(sha256: string): Promise<boolean> {
    try {
      await this.#client.send(new this.#s3.HeadObjectCommand(this.#object(sha256)));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  async write(sha256: string, bytes: Uint8Array, mediaType: string): Promise<void> {
    if (await this.exists(sha256)) return;
    // An object appears whole, and a second writer replaces it by equal bytes.
    await this.#client.send(
      new this.#s3.PutObjectCommand({
        ...this.#object(sha256),
        Body: bytes,
        ContentLength: bytes.byteLength,
        ContentType: mediaType,
      }),
    );
  }

  async writeFile(sha256: string, file: string, size: number, mediaType: string): Promise<void> {
    if (await this.exists(sha256)) return;
    const Body = createReadStream(file);
    try {
      await this.#client.send(
        new this.#s3.PutObjectCommand({
          ...this.#object(sha256),
          Body,
          ContentLength: size,
          ContentType: mediaType,
        }),
      );
    } finally {
      Body.destroy();
    }
  }

  async read(sha256: string): Promise<Uint8Array | undefined> {
    const body = (await this.#get(sha256))?.Body;
    return body?.transformToByteArray();
  }

  async stream(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const body = (await this.#get(sha256))?.Body;
    return body as unknown as AsyncIterable<Uint8Array> | undefined;
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #get(sha256: string): Promise<GetObjectCommandOutput | undefined> {
    try {
      return await this.#client.send(new this.#s3.GetObjectCommand(this.#object(sha256)));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #object(sha256: string): { Bucket: string; Key: string } {
    const { bucket, prefix } = this.#location;
    return { Bucket: bucket, Key: prefix === '' ? sha256 : `${prefix}/${sha256}` };
  }
}

/** A missing bucket is not a missing object: it is a mistake to be reported. */
function isMissing(error: unknown): boolean {
  const { name, $metadata } = error as { name?: string; $metadata?: { httpStatusCode?: number } };
  return name === 'NoSuchKey' || (name === 'NotFound' && $metadata?.httpStatusCode === 404);
}
