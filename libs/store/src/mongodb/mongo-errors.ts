import type { MongoError, MongoServerError } from 'mongodb';
import { describe } from '../codec.js';
import { DuplicateKeyError, StoreError, StoreQueryError, StoreUnavailableError } from '../errors.js';

const DUPLICATE_KEY = 11000;
/** Server codes of a refused statement (bad value, type mismatch, conflicting or immutable field, unknown operator). */
const REFUSED = new Set([2, 9, 14, 28, 40, 52, 54, 55, 56, 57, 66, 10334, 17280, 17287]);
/** Server codes of missing rights: waiting does not help. */
const FORBIDDEN = new Set([13, 18]);

/** The store's error for one of the driver's. Errors that are neither the caller's nor a duplicate count as unavailable. */
export function translateError(error: unknown, collection: string, url: string): StoreError {
  if (error instanceof StoreError) return error;
  const { code, message, name } = error as MongoError & { code?: number | string };
  if (code === DUPLICATE_KEY) return duplicate(error as MongoServerError, collection);
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
  return new StoreUnavailableError(
    `MongoDB at ${url} did not answer for collection '${collection}': ${message}. Check that it runs and can be reached.`,
    where,
    error,
  );
}

function duplicate(error: MongoServerError, collection: string): DuplicateKeyError {
  const value = (error['keyValue'] ?? {}) as Record<string, unknown>;
  const pattern = (error['keyPattern'] ?? value) as Record<string, unknown>;
  const fields = Object.keys(pattern);
  const key =
    fields.length > 0 ? fields.join(',') : (/index: (\S+?)(_-?1)? dup key/.exec(error.message)?.[1] ?? '_id');
  const values = Object.values(value).map((item) => describe(item));
  return new DuplicateKeyError(collection, key, values.length > 0 ? values.join(', ') : 'taken', error);
}
