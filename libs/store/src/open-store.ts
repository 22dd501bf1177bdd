import { join } from 'node:path';
import { StoreQueryError } from './errors.js';
import type { Store } from './store.js';

export interface OpenStoreOptions {
  /** `mongodb://…` or `mongodb+srv://…`; without it the embedded store is used. */
  readonly mongodbUrl?: string | undefined;
  /** Where the embedded store keeps its files: `<directory>/<database>/<collection>.db`. Made where missing. */
  readonly directory: string;
  /** One database a service, so that no service reads another's documents. */
  readonly database: string;
}

/**
 * Opens a service's store: MongoDB where a URL is given, files of this process otherwise. The adapter not used is
 * never loaded. Throws StoreUnavailableError (MongoDB doesn't answer, directory not writable), StoreLockedError
 * (another live process has the directory open), StoreCorruptError, StoreQueryError (bad name or URL).
 */
export async function openStore(opts: OpenStoreOptions): Promise<Store> {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/.test(opts.database)) {
    throw new StoreQueryError(
      `The database name '${opts.database}' is not usable: letters, digits, '-' and '_', at most 63 characters.`,
      { database: opts.database },
    );
  }
  if (opts.mongodbUrl !== undefined && opts.mongodbUrl !== '') {
    const { openMongoStore } = await import('./mongodb/mongo-store.js');
    return openMongoStore(opts.mongodbUrl, opts.database);
  }
  const { openEmbeddedStore } = await import('./embedded/embedded-store.js');
  return openEmbeddedStore(join(opts.directory, opts.database));
}
