import { Query } from 'mingo';
import type { StoredFilter } from '../filter.js';

/** A predicate that tells whether a stored document satisfies a checked filter, with MongoDB's meaning. */
export function matcher(filter: StoredFilter): (doc: object) => boolean {
  if (Object.keys(filter).length === 0) return () => true;
  const query = new Query(filter);
  return (doc) => query.test(doc as never);
}
