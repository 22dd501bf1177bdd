import type { Collection as DriverCollection, Db, MongoBulkWriteError } from 'mongodb';
import { decodeValue, encodeDocument, type StoredDocument } from '../codec.js';
import { DuplicateKeyError, type StoreError } from '../errors.js';
import { encodeFilter, equalityFields, type StoredFilter } from '../filter.js';
import type {
  Collection,
  Document,
  Filter,
  FindOptions,
  IndexSpec,
  InsertManyOptions,
  Update,
  UpdateOptions,
  UpdateResult,
} from '../store.js';
import { encodeUpdate, upsertId, type StoredUpdate } from '../update.js';
import { translateError } from './mongo-errors.js';

/** Two upserts of one `_id` at once can both decide to insert; the one refused finds the document on its next try. */
const UPSERT_ATTEMPTS = 3;
const INDEX_CONFLICTS = new Set([85, 86]);
const NAMESPACE_EXISTS = 48;

/** One MongoDB collection behind the store's interface. */
export class MongoCollection<T extends Document> implements Collection<T> {
  readonly name: string;
  readonly #driver: DriverCollection<StoredDocument>;
  readonly #url: string;
  readonly #indexes = new Map<string, string>();

  constructor(name: string, driver: DriverCollection<StoredDocument>, url: string) {
    this.name = name;
    this.#driver = driver;
    this.#url = url;
  }

  /** Creates the collection where it is missing: one that holds nothing yet can then be told from one that was lost. */
  async create(db: Db): Promise<void> {
    await this.#run(async () => {
      try {
        await db.createCollection(this.name);
      } catch (error) {
        if (Number((error as { code?: unknown }).code) !== NAMESPACE_EXISTS) throw error;
      }
    });
  }

  /** Creates the indexes that are missing and replaces those whose options have changed. */
  async ensureIndexes(specs: readonly IndexSpec[]): Promise<void> {
    for (const { fields, unique = false, sparse = false } of specs) {
      const keys = Object.fromEntries(fields.map((field) => [field, 1 as const]));
      const name = fields.join('_');
      this.#indexes.set(name, fields.join(','));
      const create = (): Promise<string> => this.#driver.createIndex(keys, { name, unique, sparse });
      await this.#run(async () => {
        try {
          await create();
        } catch (error) {
          if (!INDEX_CONFLICTS.has(Number((error as { code?: unknown }).code))) throw error;
          await this.#driver.dropIndex(name);
          await create();
        }
      });
    }
  }

  async insertOne(doc: T): Promise<void> {
    const stored = encodeDocument(doc, 'native');
    await this.#run(() => this.#driver.insertOne(stored));
  }

  async insertMany(docs: readonly T[], opts: InsertManyOptions = {}): Promise<number> {
    const stored = docs.map((doc) => encodeDocument(doc, 'native'));
    if (stored.length === 0) return 0;
    const ignore = opts.ignoreDuplicates === true;
    return this.#run(async () => {
      try {
        return (await this.#driver.insertMany(stored, { ordered: !ignore })).insertedCount;
      } catch (error) {
        const { writeErrors } = error as MongoBulkWriteError;
        const errors =
          writeErrors === undefined ? [] : Array.isArray(writeErrors) ? writeErrors : [writeErrors];
        if (ignore && errors.length > 0 && errors.every(({ code }) => code === 11000))
          return stored.length - errors.length;
        throw (errors[0] as { readonly err?: unknown } | undefined)?.err ?? error;
      }
    });
  }

  async findOne(filter: Filter): Promise<T | null> {
    const stored = encodeFilter(filter, 'native');
    const found = await this.#run(() => this.#driver.findOne(stored as never));
    return found === null ? null : this.#decode(found);
  }

  async find(filter: Filter = {}, opts: FindOptions = {}): Promise<T[]> {
    const stored = encodeFilter(filter, 'native');
    const { sort = {}, skip, limit, projection } = opts;
    const found = await this.#run(() => {
      let cursor = this.#driver.find(stored as never).sort('_id' in sort ? sort : { ...sort, _id: 1 });
      if (skip !== undefined) cursor = cursor.skip(skip);
      if (limit !== undefined) cursor = cursor.limit(limit);
      if (projection !== undefined && Object.keys(projection).length > 0) cursor = cursor.project(projection);
      return cursor.toArray();
    });
    return found.map((doc) => this.#decode(doc as StoredDocument));
  }

  async updateOne(filter: Filter, update: Update, opts: UpdateOptions = {}): Promise<UpdateResult> {
    const stored = this.#statement(filter, update, opts);
    const result = await this.#upsertRetrying(opts, () =>
      this.#driver.updateOne(stored.filter as never, stored.update as never, {
        upsert: opts.upsert === true,
      }),
    );
    return {
      matched: result.matchedCount,
      modified: result.modifiedCount,
      upserted: result.upsertedCount > 0,
    };
  }

  async findOneAndUpdate(filter: Filter, update: Update, opts: UpdateOptions = {}): Promise<T | null> {
    const stored = this.#statement(filter, update, opts);
    const after = await this.#upsertRetrying(opts, () =>
      this.#driver.findOneAndUpdate(stored.filter as never, stored.update as never, {
        upsert: opts.upsert === true,
        returnDocument: 'after',
      }),
    );
    return after === null ? null : this.#decode(after);
  }

  async deleteOne(filter: Filter): Promise<number> {
    const stored = encodeFilter(filter, 'native');
    return (await this.#run(() => this.#driver.deleteOne(stored as never))).deletedCount;
  }

  async deleteMany(filter: Filter): Promise<number> {
    const stored = encodeFilter(filter, 'native');
    return (await this.#run(() => this.#driver.deleteMany(stored as never))).deletedCount;
  }

  async count(filter: Filter = {}): Promise<number> {
    const stored = encodeFilter(filter, 'native');
    return this.#run(() => this.#driver.countDocuments(stored as never));
  }

  #statement(
    filter: Filter,
    update: Update,
    opts: UpdateOptions,
  ): { filter: StoredFilter; update: StoredUpdate } {
    const storedFilter = encodeFilter(filter, 'native');
    const storedUpdate = encodeUpdate(update, 'native');
    if (opts.upsert === true) {
      const id = upsertId(storedFilter, storedUpdate);
      const { _id: given, ...onInsert } = storedUpdate.$setOnInsert ?? {};
      // Where the filter fixes the _id, the server takes it from there and would call a second mention a conflict.
      if (!Object.hasOwn(equalityFields(storedFilter), '_id')) onInsert['_id'] = id;
      if (Object.keys(onInsert).length > 0) storedUpdate.$setOnInsert = onInsert;
      else delete storedUpdate.$setOnInsert;
    }
    // The driver refuses an update without operators; an empty $set changes nothing.
    if (Object.keys(storedUpdate).length === 0) storedUpdate.$set = {};
    return { filter: storedFilter, update: storedUpdate };
  }

  async #upsertRetrying<R>(opts: UpdateOptions, statement: () => Promise<R>): Promise<R> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#run(statement);
      } catch (error) {
        if (!(error instanceof DuplicateKeyError) || opts.upsert !== true || attempt >= UPSERT_ATTEMPTS)
          throw error;
      }
    }
  }

  async #run<R>(statement: () => Promise<R>): Promise<R> {
    try {
      return await statement();
    } catch (error) {
      throw translateError(error, this.name, this.#url, this.#indexes) satisfies StoreError;
    }
  }

  #decode(doc: StoredDocument): T {
    return decodeValue(doc) as T;
  }
}
