import type { Db, MongoClient } from 'mongodb';
import type { StoredDocument } from '../codec.js';
import { checkCollectionName } from '../collection-name.js';
import { StoreQueryError, StoreUnavailableError } from '../errors.js';
import type { Collection, CollectionOptions, Document, Store } from '../store.js';
import { MongoCollection } from './mongo-collection.js';
import { translateError } from './mongo-errors.js';

/** Bounds, so that a server that is gone, or a network that swallows everything, is an error and not a wait without end. */
const LIMITS = {
  serverSelectionTimeoutMS: 5_000,
  connectTimeoutMS: 5_000,
  socketTimeoutMS: 30_000,
  waitQueueTimeoutMS: 10_000,
} as const;

/**
 * Connects to MongoDB and checks that it answers. Writes wait for a majority of the replica set and its journal, so that
 * an acknowledged write survives a fail-over. A write whose answer was lost is repeated by the driver only where the server can
 * tell that it is the same one (a replica set); elsewhere it is an error, and callers guard their updates. Options in the URL
 * win over these.
 */
export async function openMongoStore(mongodbUrl: string, database: string): Promise<Store> {
  const { MongoClient: Client } = await import('mongodb');
  const shown = withoutPassword(mongodbUrl);
  let client: MongoClient;
  try {
    const inUrl = new Set([...new URL(mongodbUrl).searchParams.keys()].map((name) => name.toLowerCase()));
    client = new Client(mongodbUrl, {
      appName: `rookery-${database}`,
      promoteBuffers: true,
      ignoreUndefined: true,
      ...Object.fromEntries(Object.entries(LIMITS).filter(([name]) => !inUrl.has(name.toLowerCase()))),
      ...(inUrl.has('w') || inUrl.has('journal') ? {} : { writeConcern: { w: 'majority', journal: true } }),
    });
  } catch (error) {
    throw new StoreQueryError(
      `MONGODB_URL is not a MongoDB URL (mongodb://host:port or mongodb+srv://host): ${(error as Error).message}`,
      { url: shown },
      error,
    );
  }
  try {
    await client.connect();
    const db = client.db(database);
    await db.command({ ping: 1 });
    const held = await db.listCollections({}, { nameOnly: true }).toArray();
    return new MongoStore(
      client,
      db,
      shown,
      held.map(({ name }) => name),
    );
  } catch (error) {
    await client.close().catch(() => undefined);
    throw translateError(error, '(connect)', shown);
  }
}

class MongoStore implements Store {
  readonly kind = 'mongodb';
  readonly heldAtOpening: readonly string[];
  readonly #client: MongoClient;
  readonly #db: Db;
  readonly #url: string;
  readonly #collections = new Map<string, MongoCollection<Document>>();
  #closed = false;

  constructor(client: MongoClient, db: Db, url: string, held: readonly string[]) {
    this.heldAtOpening = held;
    this.#client = client;
    this.#db = db;
    this.#url = url;
  }

  async collection<T extends Document>(name: string, opts: CollectionOptions = {}): Promise<Collection<T>> {
    checkCollectionName(name);
    let collection = this.#collections.get(name);
    if (collection === undefined) {
      collection = new MongoCollection(name, this.#db.collection<StoredDocument>(name), this.#url);
      this.#collections.set(name, collection);
    }
    await collection.create(this.#db);
    await collection.ensureIndexes(opts.indexes ?? []);
    return collection as unknown as Collection<T>;
  }

  async ping(): Promise<void> {
    if (this.#closed) throw new StoreUnavailableError('The store is closed.');
    try {
      await this.#db.command({ ping: 1 });
    } catch (error) {
      throw translateError(error, '(ping)', this.#url);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#client.close();
  }
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//***@');
}
