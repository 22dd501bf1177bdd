import { isDeepStrictEqual } from 'node:util';
import { decodeValue, encodeDocument, HIDDEN, type StoredDocument } from '../codec.js';
import {
  DuplicateKeyError,
  StoreCorruptError,
  StoreError,
  StoreQueryError,
  StoreUnavailableError,
} from '../errors.js';
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
import { AppendFile } from './append-file.js';
import { applyUpdate } from './apply-update.js';
import { trimTornTail } from './data-file.js';
import { createEngine, violatedKey, type Engine } from './engine.js';
import { FieldIndex } from './field-index.js';
import { candidateQuery, exactQueries } from './id-query.js';
import { matcher } from './matcher.js';
import { project, sortDocuments } from './paths.js';
import { duplicateKeyError, uniqueConstraint, withUniqueKeys, type UniqueConstraint } from './unique-keys.js';

/** Bytes appended before a compaction is considered; below that a rewrite costs more than it frees. */
const COMPACT_AFTER_BYTES = 4 * 1024 * 1024;
/** The engine compares every document of a batch with every id of it. */
const REMOVE_BATCH = 100;

type Change = { matched: boolean; modified: boolean; inserted: boolean; after: StoredDocument | null };

/**
 * One collection in one append-only file. Writes run one after the other, so that reading a document, changing it and
 * writing it back is atomic; a write is answered after its line is in the file (safe against a killed process; the
 * operating system decides when it reaches the disk).
 */
export class EmbeddedCollection<T extends Document> implements Collection<T> {
  readonly name: string;
  readonly #file: string;
  readonly #lines: AppendFile;
  readonly #engine: Engine;
  #constraints: UniqueConstraint[] = [];
  readonly #indexes = new Map<string, FieldIndex>();
  #tail: Promise<unknown> = Promise.resolve();
  #mustReload = true;
  #closed = false;
  #written = 0;
  #live = 0;

  constructor(name: string, file: string) {
    this.name = name;
    this.#file = file;
    this.#lines = new AppendFile(file);
    this.#engine = createEngine(file, this.#lines, (length) => (this.#written += length));
  }

  /** Loads the file (once) and brings its indexes in line with the ones wanted. */
  async ensureIndexes(specs: readonly IndexSpec[] | undefined): Promise<void> {
    await this.#exclusive(async () => {
      if (specs === undefined) return;
      const unique = specs.filter((spec) => spec.unique === true).map(uniqueConstraint);
      const added = unique.filter((u) => !this.#constraints.some((known) => known.field === u.field));
      this.#constraints.push(...added);
      for (const spec of specs) {
        const field = spec.fields[0];
        if (field === undefined || field === '_id' || this.#indexes.has(field)) continue;
        const index = new FieldIndex(field);
        for (const doc of this.#engine.getAllData()) index.add(doc);
        this.#indexes.set(field, index);
      }
      await this.#rewriteKeys();
      for (const { field, label } of added) {
        await this.#engine
          .ensureIndexAsync({ fieldName: field, unique: true, sparse: true })
          .catch((error: unknown) => {
            this.#constraints = this.#constraints.filter((known) => known.field !== field);
            throw violatedKey(error) === undefined
              ? error
              : new StoreQueryError(
                  `Collection '${this.name}' can't have a unique index on ${label}: documents already share a key.`,
                  { collection: this.name, index: label },
                  error,
                );
          });
      }
    });
  }

  async insertOne(doc: T): Promise<void> {
    const stored = encodeDocument(doc, 'tagged');
    await this.#exclusive(() => this.#insert(stored));
  }

  async insertMany(docs: readonly T[], opts: InsertManyOptions = {}): Promise<number> {
    const stored = docs.map((doc) => encodeDocument(doc, 'tagged'));
    if (stored.length === 0) return 0;
    return this.#exclusive(async () => {
      try {
        await this.#engine.insertAsync(stored.map((doc) => withUniqueKeys(doc, this.#constraints)));
        for (const doc of stored) this.#reindex(undefined, doc);
        return stored.length;
      } catch (error) {
        // The engine has undone all of it; find out which ones by inserting in order.
        if (violatedKey(error) === undefined) throw error;
      }
      let inserted = 0;
      for (const doc of stored) {
        try {
          await this.#insert(doc);
          inserted += 1;
        } catch (error) {
          if (!(error instanceof DuplicateKeyError) || opts.ignoreDuplicates !== true) throw error;
        }
      }
      return inserted;
    });
  }

  async findOne(filter: Filter): Promise<T | null> {
    const [first] = await this.#matching(encodeFilter(filter, 'tagged'), 1);
    return first === undefined ? null : (decodeValue(first) as T);
  }

  async find(filter: Filter = {}, opts: FindOptions = {}): Promise<T[]> {
    const { sort = { _id: 1 }, skip = 0, limit, projection } = opts;
    const found = await this.#matching(encodeFilter(filter, 'tagged'));
    const page = sortDocuments(found, sort).slice(
      skip,
      limit === undefined || limit === 0 ? undefined : skip + limit,
    );
    const shown =
      projection && Object.keys(projection).length > 0 ? page.map((doc) => project(doc, projection)) : page;
    return shown.map((doc) => decodeValue(doc) as T);
  }

  async updateOne(filter: Filter, update: Update, opts: UpdateOptions = {}): Promise<UpdateResult> {
    const { matched, modified, inserted } = await this.#change(filter, update, opts);
    return { matched: Number(matched), modified: Number(modified), upserted: inserted };
  }

  async findOneAndUpdate(filter: Filter, update: Update, opts: UpdateOptions = {}): Promise<T | null> {
    const { after } = await this.#change(filter, update, opts);
    return after === null ? null : (decodeValue(after) as T);
  }

  async deleteOne(filter: Filter): Promise<number> {
    return this.#remove(encodeFilter(filter, 'tagged'), 1);
  }

  async deleteMany(filter: Filter): Promise<number> {
    return this.#remove(encodeFilter(filter, 'tagged'));
  }

  async count(filter: Filter = {}): Promise<number> {
    return (await this.#matching(encodeFilter(filter, 'tagged'))).length;
  }

  /** Waits for the writes begun and refuses later ones. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#tail;
    this.#lines.close();
  }

  async #change(filter: Filter, update: Update, opts: UpdateOptions): Promise<Change> {
    const storedFilter = encodeFilter(filter, 'tagged');
    const storedUpdate = encodeUpdate(update, 'tagged');
    return this.#exclusive(async () => {
      const [before] = await this.#matchingLoaded(storedFilter, 1);
      if (before === undefined) {
        if (opts.upsert !== true) return { matched: false, modified: false, inserted: false, after: null };
        const doc = upsertDocument(storedFilter, storedUpdate);
        await this.#insert(doc);
        return { matched: false, modified: false, inserted: true, after: doc };
      }
      const after = withUniqueKeys(applyUpdate(before, storedUpdate, false), this.#constraints);
      const modified = !isDeepStrictEqual(after, before);
      if (modified) {
        await this.#unique(() => this.#engine.updateAsync({ _id: before._id }, after));
        this.#reindex(before, after);
      }
      return { matched: true, modified, inserted: false, after };
    });
  }

  async #remove(filter: StoredFilter, limit?: number): Promise<number> {
    return this.#exclusive(async () => {
      const docs = await this.#matchingLoaded(filter, limit);
      const ids = docs.map((doc) => doc._id);
      let removed = 0;
      for (const query of exactQueries(ids, REMOVE_BATCH))
        removed += await this.#engine.removeAsync(query, { multi: true });
      for (const doc of docs) this.#reindex(doc, undefined);
      return removed;
    });
  }

  async #insert(doc: StoredDocument): Promise<void> {
    await this.#unique(() => this.#engine.insertAsync(withUniqueKeys(doc, this.#constraints)));
    this.#reindex(undefined, doc);
  }

  #reindex(before: StoredDocument | undefined, after: StoredDocument | undefined): void {
    for (const index of this.#indexes.values()) {
      if (before !== undefined) index.remove(before);
      if (after !== undefined) index.add(after);
    }
  }

  async #unique(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const violated = violatedKey(error);
      throw violated ? duplicateKeyError(this.name, violated.key, this.#constraints, error) : error;
    }
  }

  /** References to the engine's own documents (never changed by it in place): for reading only. */
  async #matching(filter: StoredFilter, limit?: number): Promise<StoredDocument[]> {
    this.#checkOpen();
    if (this.#mustReload) await this.#exclusive(async () => undefined);
    return this.#matchingLoaded(filter, limit);
  }

  async #matchingLoaded(filter: StoredFilter, limit = Infinity): Promise<StoredDocument[]> {
    const matches = evaluate(() => matcher(filter));
    const found = new Set<StoredDocument>();
    // The predicate decides, and collects without the copy the engine makes of every match. It stands first and says no,
    // so that the engine never gets to compare each candidate with the list of ids.
    await this.#engine.findAsync({
      $where(this: StoredDocument): boolean {
        if (found.size < limit && evaluate(() => matches(this))) found.add(this);
        return false;
      },
      ...candidateQuery(this.#narrowing(filter)),
    });
    return [...found];
  }

  /** Ids of the fewest candidates that an index names; undefined (all documents) where none helps. */
  #narrowing(filter: StoredFilter): string[] | undefined {
    const id = filter['_id'];
    if (typeof id === 'string') return [id];
    const among = (id as { $in?: unknown } | undefined)?.$in;
    if (Array.isArray(among)) return [...new Set(among as string[])];
    let fewest: string[] | undefined;
    for (const index of this.#indexes.values()) {
      if (!Object.hasOwn(filter, index.path)) continue;
      const candidates = index.candidates(filter[index.path]);
      if (candidates === undefined) continue;
      const ids = [...candidates];
      if (fewest === undefined || ids.length < fewest.length) fewest = ids;
    }
    return fewest;
  }

  /** Runs a write when all earlier ones are done, reloading first where an earlier one failed half way. */
  async #exclusive<R>(operation: () => Promise<R>): Promise<R> {
    this.#checkOpen();
    const run = this.#tail.then(async () => {
      if (this.#mustReload) await this.#reload();
      try {
        const result = await operation();
        await this.#compactWhereWorthIt();
        return result;
      } catch (error) {
        if (error instanceof StoreError) throw error;
        // The write may be in memory and not, or half, in the file: only the file counts.
        this.#mustReload = true;
        throw unavailable(this.name, this.#file, error);
      }
    });
    this.#tail = run.catch(() => undefined);
    return run;
  }

  async #reload(): Promise<void> {
    try {
      this.#lines.close();
      await trimTornTail(this.#file);
      this.#written = 0;
      await this.#engine.loadDatabaseAsync();
      this.#live = this.#written;
      this.#written = 0;
      for (const index of this.#indexes.values()) index.clear();
      for (const doc of this.#engine.getAllData()) this.#reindex(undefined, doc);
      this.#mustReload = false;
    } catch (error) {
      const { corruptItems } = error as { corruptItems?: number };
      if (corruptItems === undefined) throw unavailable(this.name, this.#file, error);
      throw new StoreCorruptError(
        `The data file '${this.#file}' holds ${corruptItems} damaged line(s) before its end. Nothing was changed. ` +
          'Move the file away and start the service again: it rebuilds what the file held from the log.',
        { file: this.#file, lines: String(corruptItems) },
        error,
      );
    }
  }

  /** Recomputes hidden key fields of documents written under other indexes, and drops engine indexes not wanted. */
  async #rewriteKeys(): Promise<void> {
    const wanted = new Set(['_id', ...this.#constraints.map((constraint) => constraint.field)]);
    for (const field of Object.keys(this.#engine.indexes)) {
      if (!wanted.has(field)) await this.#engine.removeIndexAsync(field);
    }
    for (const doc of this.#engine.getAllData()) {
      const next = withUniqueKeys(doc, this.#constraints);
      if (hiddenChanged(doc, next))
        await this.#unique(() => this.#engine.updateAsync({ _id: doc._id }, next));
    }
  }

  async #compactWhereWorthIt(): Promise<void> {
    if (this.#written < Math.max(COMPACT_AFTER_BYTES, 2 * this.#live)) return;
    this.#written = 0;
    this.#lines.close();
    try {
      // Writes a second file, syncs it and renames it over the first: a crash leaves the one or the other whole.
      await this.#engine.compactDatafileAsync();
      this.#live = this.#written;
    } catch {
      // The write itself succeeded and the old file still holds everything; try again after as many bytes.
    }
    this.#written = 0;
  }

  #checkOpen(): void {
    if (this.#closed)
      throw new StoreUnavailableError(`Collection '${this.name}' is closed.`, { collection: this.name });
  }
}

function upsertDocument(filter: StoredFilter, update: StoredUpdate): StoredDocument {
  const _id = upsertId(filter, update);
  const { _id: fixed, ...fields } = equalityFields(filter);
  const { _id: given, ...onInsert } = update.$setOnInsert ?? {};
  const base = applyUpdate({ _id }, { $set: fields }, true);
  return applyUpdate(base, { ...update, $setOnInsert: onInsert }, true);
}

function hiddenChanged(a: StoredDocument, b: StoredDocument): boolean {
  const fields = [...Object.keys(a), ...Object.keys(b)].filter((key) => key.startsWith(HIDDEN));
  return fields.some((field) => !isDeepStrictEqual(a[field], b[field]));
}

function evaluate<R>(step: () => R): R {
  try {
    return step();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    throw new StoreQueryError(`The filter can't be evaluated: ${(error as Error).message}`, {}, error);
  }
}

function unavailable(collection: string, file: string, error: unknown): StoreUnavailableError {
  const reason = error instanceof Error ? error.message : String(error);
  return new StoreUnavailableError(
    `Collection '${collection}' can't be read or written at '${file}': ${reason}. Check disk space and permissions.`,
    { collection, file },
    error,
  );
}
