import type { MongoError, MongoServerError } from 'mongodb';
import { describe } from '../codec.js';
import { DuplicateKeyError, StoreError, StoreQueryError, StoreUnavailableError } from '../errors.js';

const DUPLICATE_KEY = 11000;
/** Server codes of a refused statement (bad value, type mismatch, conflicting or immutable field, unknown operator). */
const REFUSED = new Set([2, 9, 14, 28, 40, 52, 54, 55, 56, 57, 66, 10140, 10141, 10334, 17280, 17287]);
/** Server codes of missing rights: waiting does not help. */
const FORBIDDEN = new Set([13, 18]);

/** Fields of a unique index by its name: not every server says which key was taken otherwise. */
export type IndexFields = ReadonlyMap<string, string>;

/** The store's error for one of the driver's. Errors that are neither the caller's nor a duplicate count as unavailable. */
export function translateError(
  error: unknown,
  collection: string,
  url: string,
  indexes: IndexFields = new Map(),
): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message, name } = error as MongoError & { code?: number | string };
  if (code === DUPLICATE_KEY) return duplicate(error as MongoServerError, collection, indexes);
  const where = { collection };
  if (name === 'MongoInvalidArgumentError' || name === 'BSONError' || REFUSED.has(Number(code))) {
    return new StoreQueryError(`MongoDB refused the statement on '${collection}': ${message}`, where, error);
  }
  if (FORBIDDEN.has(Number(code))) {
    return new StoreQueryError(
      `MongoDB at ${url} refused the user of MONGODB_URL (collection '${collection}'): ${message}. Check its rights.`,
      where,
      error,
    );
  }
  if (
    (error as Error).cause instanceof Error &&
    (error as { cause: Error }).cause.name === 'MongoCompatibilityError'
  ) {
    return new StoreQueryError(
      `MongoDB at ${url} can't be used: ${message}. Use 4.4 or newer.`,
      where,
      error,
    );
  }
  return new StoreUnavailableError(
    `MongoDB at ${url} did not answer for collection '${collection}': ${message}. Check that it runs and can be reached.`,
    where,
    error,
  );
}

function duplicate(error: MongoServerError, collection: string, indexes: IndexFields): DuplicateKeyError {
  const value = (error['keyValue'] ?? {}) as Record<string, unknown>;
  const pattern = (error['keyPattern'] ?? value) as Record<string, unknown>;
  const fields = Object.keys(pattern);
  const index = /index: (\S+?)(?:_-?1)? dup key/.exec(error.message)?.[1] ?? '_id_';
  const named = index === '_id_' ? '_id' : (indexes.get(index) ?? index);
  const key = fields.length > 0 ? fields.join(',') : named;
  const values = Object.values(value).map((item) => describe(item));
  return new DuplicateKeyError(collection, key, values.length > 0 ? values.join(', ') : 'taken', error);
}
