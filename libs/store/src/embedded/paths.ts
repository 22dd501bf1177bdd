/** Reading field paths of stored documents, with MongoDB's rule that an array on the way stands for its elements. */
import type { StoredDocument, StoredValue } from '../codec.js';
import { compareValues } from '../compare.js';

/** All values at a path; empty where the path does not exist. A final array is one value (see `expand`). */
export function valuesAt(value: unknown, parts: readonly string[], from = 0): unknown[] {
  if (from === parts.length) return value === undefined ? [] : [value];
  const part = parts[from] as string;
  if (Array.isArray(value)) {
    const own = /^\d+$/.test(part) ? valuesAt(value[Number(part)], parts, from + 1) : [];
    const nested = value.flatMap((item) => (isObject(item) ? valuesAt(item, parts, from) : []));
    return [...own, ...nested];
  }
  return isObject(value) ? valuesAt(value[part], parts, from + 1) : [];
}

/** The keys an index or a sort sees at a path: elements of a final array one by one, null for an empty one. */
export function keysAt(doc: StoredDocument, path: string): unknown[] {
  return valuesAt(doc, path.split('.')).flatMap((value) => {
    if (!Array.isArray(value)) return [value];
    return value.length === 0 ? [null] : (value as unknown[]);
  });
}

/** Orders documents by the sort given, ties by `_id`; an array sorts by its smallest (descending: largest) element. */
export function sortDocuments(
  docs: StoredDocument[],
  sort: Readonly<Record<string, 1 | -1>>,
): StoredDocument[] {
  const keys = Object.entries(sort);
  if (!Object.hasOwn(sort, '_id')) keys.push(['_id', 1]);
  const rows = docs.map((doc) => ({ doc, by: keys.map(([path, order]) => sortKey(doc, path, order)) }));
  rows.sort((a, b) => {
    for (const [i, [, order]] of keys.entries()) {
      const result = compareValues(a.by[i], b.by[i]);
      if (result !== 0) return result * order;
    }
    return 0;
  });
  return rows.map((row) => row.doc);
}

function sortKey(doc: StoredDocument, path: string, order: 1 | -1): unknown {
  if (!path.includes('.')) {
    const value = doc[path];
    if (!Array.isArray(value)) return value;
  }
  const keys = keysAt(doc, path);
  return keys.reduce<unknown>(
    (best, key, i) => (i === 0 || compareValues(key, best) * order < 0 ? key : best),
    null,
  );
}

/** The document with only (or without) the paths named. `_id` is kept unless `_id: 0`. */
export function project(doc: StoredDocument, projection: Readonly<Record<string, 0 | 1>>): StoredDocument {
  const paths = Object.entries(projection).filter(([path]) => path !== '_id');
  const include = paths.length > 0 ? paths[0]?.[1] === 1 : projection['_id'] === 1;
  const tree = new Map<string, unknown>();
  for (const [path] of paths) grow(tree, path.split('.'));
  const withId = projection['_id'] !== 0;
  if (include) {
    const kept = keep(doc, tree) as StoredDocument;
    return withId ? { ...kept, _id: doc._id } : kept;
  }
  const left = drop(doc, tree) as StoredDocument;
  if (withId) return left;
  const { _id, ...rest } = left;
  return rest as StoredDocument;
}

function grow(tree: Map<string, unknown>, parts: readonly string[]): void {
  const [first, ...rest] = parts as [string, ...string[]];
  if (rest.length === 0) {
    tree.set(first, true);
    return;
  }
  const child = tree.get(first);
  const branch = child instanceof Map ? (child as Map<string, unknown>) : new Map<string, unknown>();
  tree.set(first, branch);
  grow(branch, rest);
}

function keep(value: StoredValue, tree: Map<string, unknown>): StoredValue | undefined {
  if (Array.isArray(value)) return value.map((item) => keep(item, tree)).filter((item) => item !== undefined);
  if (!isObject(value)) return undefined;
  const kept: { [key: string]: StoredValue } = {};
  for (const [key, branch] of tree) {
    const child = value[key];
    if (child === undefined) continue;
    const part = branch instanceof Map ? keep(child, branch as Map<string, unknown>) : child;
    if (part !== undefined) kept[key] = part;
  }
  return kept;
}

function drop(value: StoredValue, tree: Map<string, unknown>): StoredValue {
  if (Array.isArray(value)) return value.map((item) => drop(item, tree));
  if (!isObject(value)) return value;
  const left: { [key: string]: StoredValue } = {};
  for (const [key, child] of Object.entries<StoredValue>(value)) {
    const branch = tree.get(key);
    if (branch === undefined) left[key] = child;
    else if (branch instanceof Map) left[key] = drop(child, branch as Map<string, unknown>);
  }
  return left;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
