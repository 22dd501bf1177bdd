/**
 * Checks an update and puts its values into stored form, once for both adapters.
 */
import { randomUUID } from 'node:crypto';
import { checkId, describe, encodeValue, type Encoding } from './codec.js';
import { StoreQueryError } from './errors.js';
import {
  checkPath,
  encodeCondition,
  encodeFilter,
  equalityFields,
  isOperators,
  isPlainObject,
  type StoredFilter,
} from './filter.js';
import type { Update } from './store.js';

export const UPDATE_OPERATORS = [
  '$set',
  '$setOnInsert',
  '$unset',
  '$inc',
  '$push',
  '$pull',
  '$addToSet',
  '$min',
  '$max',
] as const;
export type UpdateOperator = (typeof UPDATE_OPERATORS)[number];
/** A checked update: only operators with at least one field. */
export type StoredUpdate = Partial<Record<UpdateOperator, Record<string, unknown>>>;

/** Checks and encodes an update; `undefined` values are left out. Throws StoreQueryError naming operator and path. */
export function encodeUpdate(update: Update, encoding: Encoding): StoredUpdate {
  const encoded: StoredUpdate = {};
  const paths: string[] = [];
  for (const [operator, fields] of Object.entries(update) as [UpdateOperator, unknown][]) {
    if (!UPDATE_OPERATORS.includes(operator)) {
      throw new StoreQueryError(
        `The store has no update operator ${operator}; an update names operators ($set, ...), not fields.`,
        { operator },
      );
    }
    if (fields === undefined) continue;
    if (!isPlainObject(fields))
      throw new StoreQueryError(`${operator} needs an object of fields.`, { operator });
    const part: Record<string, unknown> = {};
    for (const [path, value] of Object.entries(fields)) {
      if (value === undefined && operator !== '$unset') continue;
      checkPath(path);
      if ((path === '_id' || path.startsWith('_id.')) && !(operator === '$setOnInsert' && path === '_id')) {
        throw new StoreQueryError("A document's _id never changes.", { operator });
      }
      paths.push(path);
      part[path] = encodeOperand(operator, value, encoding, path);
    }
    if (Object.keys(part).length > 0) encoded[operator] = part;
  }
  refuseConflicts(paths);
  return encoded;
}

function encodeOperand(operator: UpdateOperator, value: unknown, encoding: Encoding, path: string): unknown {
  switch (operator) {
    case '$unset':
      return true;
    case '$inc':
      if (typeof value !== 'number' || !Number.isFinite(value)) {
        throw new StoreQueryError(`$inc of '${path}' needs a finite number; got ${describe(value)}.`, {
          path,
        });
      }
      return value;
    case '$push':
      return encodePush(value, encoding, path);
    case '$addToSet':
      if (!isOperators(value)) return encodeValue(value, encoding, path);
      if (Object.keys(value).length !== 1 || !Array.isArray(value['$each'])) {
        throw new StoreQueryError(`$addToSet of '${path}' takes a value or { $each: [...] }.`, { path });
      }
      return { $each: encodeValue(value['$each'], encoding, path) };
    case '$pull':
      if (isOperators(value)) return encodeCondition(value, encoding, path);
      return isPlainObject(value)
        ? encodeFilter(value, encoding, `${path}.`)
        : encodeValue(value, encoding, path);
    default:
      return encodeValue(value, encoding, path);
  }
}

function encodePush(value: unknown, encoding: Encoding, path: string): unknown {
  if (!isOperators(value)) return encodeValue(value, encoding, path);
  const { $each: each, $slice: slice, ...rest } = value;
  const bad =
    !Array.isArray(each) || Object.keys(rest).length > 0 || (slice !== undefined && !Number.isInteger(slice));
  if (bad) {
    throw new StoreQueryError(
      `$push to '${path}' takes a value or { $each: [...], $slice?: whole number }.`,
      { path },
    );
  }
  const items = encodeValue(each, encoding, path);
  return slice === undefined ? { $each: items } : { $each: items, $slice: slice };
}

function refuseConflicts(paths: readonly string[]): void {
  const sorted = [...paths].map((path) => `${path}.`).sort();
  for (let i = 1; i < sorted.length; i++) {
    const [before, now] = [sorted[i - 1] as string, sorted[i] as string];
    if (now.startsWith(before)) {
      const path = now.slice(0, -1);
      throw new StoreQueryError(`The update changes '${path}' twice (or a field within it).`, { path });
    }
  }
}

/** The `_id` that an upsert with this filter and update would insert; made up where neither names one. */
export function upsertId(filter: StoredFilter, update: StoredUpdate): string {
  const fixed = equalityFields(filter)['_id'];
  const given = update.$setOnInsert?.['_id'];
  if (fixed !== undefined && given !== undefined && fixed !== given) {
    throw new StoreQueryError(`$setOnInsert gives another _id than the filter (${describe(fixed)}).`, {
      path: '_id',
    });
  }
  const id = fixed ?? given ?? randomUUID();
  checkId(id);
  return id;
}
