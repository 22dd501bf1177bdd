import { access, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { checkCollectionName } from '../collection-name.js';
import { StoreError, StoreUnavailableError } from '../errors.js';
import type { Collection, CollectionOptions, Document, Store } from '../store.js';
import { lockDirectory } from './directory-lock.js';
import { EmbeddedCollection } from './embedded-collection.js';

/** Opens the embedded store over a directory, which belongs to this process until `close`. */
export async function openEmbeddedStore(directory: string): Promise<Store> {
  try {
    await mkdir(directory, { recursive: true });
    const unlock = await lockDirectory(directory);
    return new EmbeddedStore(directory, unlock, await dataFiles(directory));
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreUnavailableError(
      `The store directory '${directory}' can't be used: ${(error as Error).message}.`,
      { directory },
      error,
    );
  }
}

/** Collections with a data file, or with one that a crash left under its temporary name. */
async function dataFiles(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).map((file) => /^([^.~]+)\.db~?$/.exec(file)?.[1]);
  return [...new Set(names.filter((name) => name !== undefined))].sort();
}

class EmbeddedStore implements Store {
  readonly kind = 'embedded';
  readonly heldAtOpening: readonly string[];
  readonly #directory: string;
  readonly #unlock: () => Promise<void>;
  readonly #collections = new Map<string, EmbeddedCollection<Document>>();
  #closing: Promise<void> | undefined;

  constructor(directory: string, unlock: () => Promise<void>, held: readonly string[]) {
    this.heldAtOpening = held;
    this.#directory = directory;
    this.#unlock = unlock;
  }

  async collection<T extends Document>(name: string, opts: CollectionOptions = {}): Promise<Collection<T>> {
    this.#checkOpen();
    checkCollectionName(name);
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = new EmbeddedCollection(name, join(this.#directory, `${name}.db`));
      this.#collections.set(name, collection);
    }
    await collection.ensureIndexes(opts.indexes);
    return collection as unknown as Collection<T>;
  }

  async ping(): Promise<void> {
    this.#checkOpen();
    await access(this.#directory).catch((error: unknown) => {
      throw new StoreUnavailableError(`The store directory '${this.#directory}' is gone.`, {}, error);
    });
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all(
      [...this.#collections.values()].map((collection) => collection.close()),
    ).then(() => this.#unlock());
    return this.#closing;
  }

  #checkOpen(): void {
    if (this.#closing)
      throw new StoreUnavailableError('The store is closed.', { directory: this.#directory });
  }
}
