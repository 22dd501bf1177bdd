/**
 * The document store as callers see it. Two adapters implement these interfaces with equal semantics:
 * MongoDB (shared, for several machines) and embedded (files of one process).
 */

/** A stored document: JSON values plus `Uint8Array`; `_id` is a non-empty string chosen by the caller. */
export interface Document {
  _id: string;
}

/**
 * A filter in MongoDB's query language. Keys are field paths (`a.b`); values are a plain value (equality) or operators:
 * `$eq $ne $gt $gte $lt $lte $in $nin $exists $not $elemMatch $size`; `$and` and `$or` at the top.
 * `undefined` anywhere in a filter is refused (it would silently match other documents than meant).
 */
export interface Filter {
  readonly [pathOrOperator: string]: unknown;
}

/** `$push` of several values with an optional cap: `$slice: -n` keeps the last n, `n` the first n. Any other value is pushed itself. */
export interface PushEach {
  readonly $each: readonly unknown[];
  readonly $slice?: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** An update of one document, applied atomically. Field paths may be dotted and may name array positions (`folds.0.state`). */
export interface Update {
  readonly $set?: Fields;
  readonly $setOnInsert?: Fields;
  readonly $unset?: Fields;
  readonly $inc?: Readonly<Record<string, number>>;
  /** Each value is pushed itself, or is a {@link PushEach}. */
  readonly $push?: Fields;
  readonly $pull?: Fields;
  readonly $addToSet?: Fields;
  readonly $min?: Fields;
  readonly $max?: Fields;
}

/** An index over one or more field paths; an array on the path gives one key an element, as in MongoDB. */
export interface IndexSpec {
  readonly fields: readonly string[];
  /** No two documents may share a key (DuplicateKeyError). Default false. */
  readonly unique?: boolean;
  /** Leave documents without any of the fields out of the index (and of its uniqueness). Default false. */
  readonly sparse?: boolean;
}

export interface CollectionOptions {
  readonly indexes?: readonly IndexSpec[];
}

export interface FindOptions {
  /** Sort keys in order; ties are always broken by `_id` ascending, so that pages never overlap. */
  readonly sort?: Readonly<Record<string, 1 | -1>>;
  readonly limit?: number;
  readonly skip?: number;
  /** `{ a: 1 }` keeps only the paths named (and `_id`), `{ a: 0 }` leaves them out. */
  readonly projection?: Readonly<Record<string, 0 | 1>>;
}

export interface UpdateOptions {
  /** Insert a document made of the filter's equality fields and the update where nothing matches. Default false. */
  readonly upsert?: boolean;
}

export interface UpdateResult {
  matched: number;
  modified: number;
  upserted: boolean;
}

export interface InsertManyOptions {
  /** Skip documents whose key is taken instead of failing at the first one. Default false. */
  readonly ignoreDuplicates?: boolean;
}

/**
 * One collection. Every write of one document is atomic; results are copies that the caller may change freely.
 * Every method may throw StoreUnavailableError (retry later), StoreQueryError (a caller's mistake).
 */
export interface Collection<T extends Document = Document> {
  readonly name: string;
  /** Inserts a document; throws DuplicateKeyError where `_id` or a unique index's key is taken. */
  insertOne(doc: T): Promise<void>;
  /** Inserts in order and returns how many; stops at the first duplicate (earlier ones stay) unless told to skip them. */
  insertMany(docs: readonly T[], opts?: InsertManyOptions): Promise<number>;
  findOne(filter: Filter): Promise<T | null>;
  find(filter?: Filter, opts?: FindOptions): Promise<T[]>;
  /** Changes at most one matching document in one atomic step. */
  updateOne(filter: Filter, update: Update, opts?: UpdateOptions): Promise<UpdateResult>;
  /** As updateOne, returning the document as it is after the change; null where nothing matched. */
  findOneAndUpdate(filter: Filter, update: Update, opts?: UpdateOptions): Promise<T | null>;
  deleteOne(filter: Filter): Promise<number>;
  deleteMany(filter: Filter): Promise<number>;
  count(filter?: Filter): Promise<number>;
}

export interface Store {
  readonly kind: 'mongodb' | 'embedded';
  /** Names of the collections that the database held when it was opened; what is missing here was never there, or is lost. */
  readonly heldAtOpening: readonly string[];
  /** The collection of that name, with its indexes ensured. Calls with the same name share one collection. */
  collection<T extends Document = Document>(name: string, opts?: CollectionOptions): Promise<Collection<T>>;
  /** Resolves where the store answers; throws StoreUnavailableError otherwise. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
