/** The engine's query for documents by their ids. */
export type IdQuery = { _id?: string | { $in: string[] } };

/** The engine keeps what it finds by a list of ids under these, in a plain object: this one would be lost there. */
const unlistable = '__proto__';

/** Finds documents with these ids, and maybe others; all documents where there is no list. */
export function candidateQuery(ids: readonly string[] | undefined): IdQuery {
  if (ids?.length === 1) return { _id: ids[0]! };
  return ids === undefined || ids.includes(unlistable) ? {} : { _id: { $in: [...ids] } };
}

/** Queries that find documents with these ids and no others, each at most `size`. */
export function exactQueries(ids: readonly string[], size: number): IdQuery[] {
  const listed = ids.filter((id) => id !== unlistable);
  const queries: IdQuery[] = listed.length < ids.length ? [{ _id: unlistable }] : [];
  for (let i = 0; i < listed.length; i += size) queries.push({ _id: { $in: listed.slice(i, i + size) } });
  return queries;
}
