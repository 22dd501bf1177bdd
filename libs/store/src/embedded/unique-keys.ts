/**
 * Unique constraints with MongoDB's meaning (missing equals null, one key an array element, several fields together).
 * The engine's own unique indexes know none of that, so each constraint becomes one hidden field that lists the
 * document's keys as text, and the engine keeps that field unique.
 */
import { createHash } from 'node:crypto';
import { HIDDEN, type StoredDocument } from '../codec.js';
import { DuplicateKeyError } from '../errors.js';
import type { IndexSpec } from '../store.js';
import { keysAt, valuesAt } from './paths.js';

export interface UniqueConstraint {
  readonly spec: IndexSpec;
  /** The fields as one text, for messages: `a.b,c`. */
  readonly label: string;
  /** The hidden field that holds the keys. */
  readonly field: string;
}

/** The constraint of a unique index. */
export function uniqueConstraint(spec: IndexSpec): UniqueConstraint {
  const label = spec.fields.join(',');
  const digest = createHash('sha256')
    .update(`${label}|${spec.sparse === true}`)
    .digest('hex')
    .slice(0, 8);
  return { spec, label, field: `${HIDDEN}${digest}` };
}

/** The document with the hidden fields of exactly these constraints, replacing stale ones. */
export function withUniqueKeys(
  doc: StoredDocument,
  constraints: readonly UniqueConstraint[],
): StoredDocument {
  const next: StoredDocument = { ...doc };
  for (const field of Object.keys(next)) if (field.startsWith(HIDDEN)) delete next[field];
  for (const constraint of constraints) {
    const keys = uniqueKeys(doc, constraint);
    if (keys.length > 0) next[constraint.field] = keys;
  }
  return next;
}

function uniqueKeys(doc: StoredDocument, constraint: UniqueConstraint): string[] {
  const { fields, sparse } = constraint.spec;
  if (sparse === true && fields.every((path) => valuesAt(doc, path.split('.')).length === 0)) return [];
  let rows: unknown[][] = [[]];
  for (const path of fields) {
    const keys = keysAt(doc, path);
    const distinct = keys.length === 0 ? [null] : keys;
    rows = rows.flatMap((row) => distinct.map((key) => [...row, key]));
  }
  return [...new Set(rows.map((row) => `${constraint.field}${JSON.stringify(row)}`))];
}

/** The error for a key the engine refused. */
export function duplicateKeyError(
  collection: string,
  key: unknown,
  constraints: readonly UniqueConstraint[],
  cause: unknown,
): DuplicateKeyError {
  const text = String(key);
  const constraint = constraints.find((candidate) => text.startsWith(candidate.field));
  if (constraint === undefined) return new DuplicateKeyError(collection, '_id', `'${text}'`, cause);
  const values = text.slice(constraint.field.length + 1, -1);
  return new DuplicateKeyError(collection, constraint.label, values, cause);
}
