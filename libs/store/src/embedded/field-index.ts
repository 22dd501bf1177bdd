/**
 * Finds candidate documents by one field. The engine's own index keeps all documents of one value in a list that every
 * update walks through, which is slow for exactly the fields worth an index here (a state, a model's name); this one
 * keeps a set of ids per value.
 */
import type { StoredDocument } from '../codec.js';
import { keysAt } from './paths.js';

type Key = string | number | boolean;

export class FieldIndex {
  readonly path: string;
  readonly #ids = new Map<Key, Set<string>>();

  constructor(path: string) {
    this.path = path;
  }

  add(doc: StoredDocument): void {
    for (const key of keysAt(doc, this.path)) {
      if (!isKey(key)) continue;
      const ids = this.#ids.get(key);
      if (ids === undefined) this.#ids.set(key, new Set([doc._id]));
      else ids.add(doc._id);
    }
  }

  remove(doc: StoredDocument): void {
    for (const key of keysAt(doc, this.path)) {
      if (!isKey(key)) continue;
      const ids = this.#ids.get(key);
      ids?.delete(doc._id);
      if (ids?.size === 0) this.#ids.delete(key);
    }
  }

  clear(): void {
    this.#ids.clear();
  }

  /**
   * Ids of all documents that may satisfy the condition on this field (and maybe of some that do not), or undefined
   * where the index can't tell.
   */
  candidates(condition: unknown): Iterable<string> | undefined {
    if (isKey(condition)) return this.#ids.get(condition) ?? [];
    if (typeof condition !== 'object' || condition === null) return undefined;
    const { $eq, $in, $gt, $gte, $lt, $lte } = condition as Record<string, unknown>;
    if (isKey($eq)) return this.#ids.get($eq) ?? [];
    if (Array.isArray($in)) {
      return $in.every(isKey) ? union($in.map((key) => this.#ids.get(key))) : undefined;
    }
    // One bound only: of an array, one element may satisfy one bound and another the other.
    const lower = $gte ?? $gt;
    const bound = lower ?? $lte ?? $lt;
    if (typeof bound !== 'string' && typeof bound !== 'number') return undefined;
    const within: (Set<string> | undefined)[] = [];
    for (const [key, ids] of this.#ids) {
      if (typeof key !== typeof bound) continue;
      if (lower === undefined ? key <= bound : key >= bound) within.push(ids);
    }
    return union(within);
  }
}

function union(sets: readonly (Set<string> | undefined)[]): Set<string> {
  const all = new Set<string>();
  for (const ids of sets) for (const id of ids ?? []) all.add(id);
  return all;
}

function isKey(value: unknown): value is Key {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}
