import type { NatsConnection } from '@nats-io/transport-node';
import type { ArtifactStore } from './artifact-store.js';
import { parseArtifactsUrl } from './artifacts-url.js';
import type { Backend } from './backends/backend.js';
import { CheckedArtifactStore } from './checked-store.js';
import { ArtifactInvalidError, ArtifactUnavailableError } from './errors.js';

const DEFAULT_CACHE_BYTES = 16 * 1024 * 1024;

export interface OpenArtifactsOptions {
  /** `nats:`, `file:///directory` or `s3://bucket/prefix?endpoint=…&region=…`; see parseArtifactsUrl. */
  readonly url: string;
  /** The connection to use for `nats:`; it stays the caller's. */
  readonly nc?: NatsConnection | undefined;
  /** How many bytes of content are kept in memory for `get`; 0 for none. Default 16 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Copies of a NATS bucket made anew; `replicas` in the URL wins. Default 1. */
  readonly replicas?: number | undefined;
}

/**
 * Opens the artifact store at a URL; only the adapter it names is loaded. Throws ArtifactInvalidError for a bad URL or a
 * missing connection, ArtifactUnavailableError where the NATS bucket can't be opened.
 */
export async function openArtifacts(opts: OpenArtifactsOptions): Promise<ArtifactStore> {
  return new CheckedArtifactStore(await openBackend(opts), opts.cacheBytes ?? DEFAULT_CACHE_BYTES);
}

async function openBackend(opts: OpenArtifactsOptions): Promise<Backend> {
  const location = parseArtifactsUrl(opts.url);
  switch (location.kind) {
    case 'folder': {
      const { FolderBackend } = await import('./backends/folder.js');
      return new FolderBackend(location.directory);
    }
    case 's3': {
      const { openS3Backend } = await import('./backends/s3.js');
      return openS3Backend(location);
    }
    case 'nats': {
      if (opts.nc === undefined) {
        throw new ArtifactInvalidError(
          `The artifact store '${opts.url}' needs a NATS connection (option nc).`,
        );
      }
      const { openNatsBackend } = await import('./backends/nats.js');
      const { bucket, replicas = opts.replicas ?? 1 } = location;
      return openNatsBackend(opts.nc, { bucket, replicas }).catch((error: unknown) => {
        throw new ArtifactUnavailableError('open the bucket', `the NATS object store '${bucket}'`, error);
      });
    }
  }
}
