/** Where an artifact's bytes can be found: their own SHA-256 (64 lower-case hex digits), size and media type. */
export interface ArtifactRef {
  sha256: string;
  bytes: number;
  mediaType: string;
}

/**
 * A content-addressed store: what is put is found under the SHA-256 of its bytes and never changes. Every read is
 * verified against that checksum. Safe to share by concurrent callers and by several processes.
 * Methods throw ArtifactNotFoundError, ArtifactCorruptError (terminal) or ArtifactUnavailableError (retryable).
 */
export interface ArtifactStore {
  readonly kind: 'nats' | 'folder' | 's3';
  /** Stores the bytes once and returns their reference; putting the same bytes again changes nothing. */
  put(bytes: Uint8Array, mediaType: string): Promise<ArtifactRef>;
  /** As put, for content of any size: memory use is bounded by a few chunks. */
  putStream(source: AsyncIterable<Uint8Array>, mediaType: string): Promise<ArtifactRef>;
  /** All bytes, checked against the checksum. The array may be shared with other callers: do not change it. */
  get(sha256: string): Promise<Uint8Array>;
  /** True where the artifact is stored; reads no content. */
  has(sha256: string): Promise<boolean>;
  /** The bytes in order, memory bounded; a wrong checksum is thrown after the last chunk: use the content only then. */
  openRead(sha256: string): Promise<AsyncIterable<Uint8Array>>;
  /** Releases what this store holds (cache, connections it made itself; never the NATS connection it was given). */
  close(): Promise<void>;
}
