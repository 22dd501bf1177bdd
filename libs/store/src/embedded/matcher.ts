import { Query } from 'mingo';
import type { StoredFilter } from '../filter.js';

/** A predicate that tells whether a stored document satisfies a checked filter, with MongoDB's meaning. */
export function matcher(filter: StoredFilter): (doc: object) => boolean {
  const paths = Object.keys(filter);
  if (paths.length === 0) return () => true;
  const id = filter['_id'];
  // By far the most frequent filter, and an id is always a string: not worth compiling a query for.
  if (paths.length === 1 && typeof id === 'string') return (doc) => (doc as { _id?: unknown })._id === id;
  const query = new Query(filter);
  return (doc) => query.test(doc as never);
}
