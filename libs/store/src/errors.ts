/**
 * The store's errors. Each carries a `code` of the project's one table of error codes.
 */
export class StoreError extends Error {
  readonly code: string;
  readonly details: Readonly<Record<string, string>>;

  constructor(
    code: string,
    message: string,
    details: Readonly<Record<string, string>> = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.details = details;
  }
}

/** A document's `_id` or a unique index's key is taken. `key` names the fields of the index (`_id`, or `a.b,c`). */
export class DuplicateKeyError extends StoreError {
  readonly key: string;
  readonly collection: string;

  constructor(collection: string, key: string, value: string, cause?: unknown) {
    super(
      'RK_STORE_DUPLICATE',
      `Collection '${collection}' already holds a document whose ${key} is ${value}.`,
      { collection, key, value },
      cause,
    );
    this.key = key;
    this.collection = collection;
  }
}

/** The store did not answer or could not write; the same call may succeed later. */
export class StoreUnavailableError extends StoreError {
  constructor(message: string, details: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super('RK_STORE_UNAVAILABLE', message, details, cause);
  }
}

/** The caller's document, filter or update can't be stored or evaluated; repeating it can't help. */
export class StoreQueryError extends StoreError {
  constructor(message: string, details: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super('RK_STORE_QUERY', message, details, cause);
  }
}

/** The directory is in use by another live process. */
export class StoreLockedError extends StoreError {
  constructor(message: string, details: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super('RK_STORE_LOCKED', message, details, cause);
  }
}

/** A data file is damaged elsewhere than in an unfinished last line; nothing was changed. */
export class StoreCorruptError extends StoreError {
  constructor(message: string, details: Readonly<Record<string, string>> = {}, cause?: unknown) {
    super('RK_STORE_CORRUPT', message, details, cause);
  }
}
