/**
 * What an adapter provides: plain storage of bytes under a checksum. Checksums are verified, calls shared and errors
 * given their meaning once for all adapters, in CheckedArtifactStore.
 */
export interface Backend {
  readonly kind: 'nats' | 'folder' | 's3';
  /** Names the place for messages, without credentials. */
  readonly where: string;
  exists(sha256: string): Promise<boolean>;
  /** Stores the bytes; atomic (a reader sees all or nothing) and harmless where they are stored already. */
  write(sha256: string, bytes: Uint8Array, mediaType: string): Promise<void>;
  /** As write, from a file that may be larger than memory. The file may be moved away. */
  writeFile(sha256: string, file: string, size: number, mediaType: string): Promise<void>;
  /** All bytes as stored, or undefined where there is nothing. */
  read(sha256: string): Promise<Uint8Array | undefined>;
  /** The stored bytes in order, or undefined where there is nothing. Ending the iteration early frees everything. */
  stream(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined>;
  /** A directory for content on its way in, on the file system where `writeFile` finds it cheapest. */
  readonly spoolDirectory: string;
  close(): Promise<void>;
}
