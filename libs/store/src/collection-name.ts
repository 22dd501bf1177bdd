import { StoreQueryError } from './errors.js';

/** Refuses collection names that a file system or MongoDB would not take. */
export function checkCollectionName(name: string): void {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,62}$/.test(name)) {
    throw new StoreQueryError(
      `'${name}' is not a collection name: a letter, then letters, digits, '-' and '_'.`,
      {
        collection: name,
      },
    );
  }
}
