/**
 * MongoDB's update operators on one stored document. Written out because the embedded engine's own modifiers differ from
 * MongoDB's where it hurts: no `$setOnInsert`, wrong types passed over in silence.
 */
import { isDeepStrictEqual } from 'node:util';
import type { StoredDocument } from '../codec.js';
import { compareValues } from '../compare.js';
import { describe, tagNumber, taggedNumber } from '../codec.js';
import { StoreQueryError } from '../errors.js';
import { isOperators, isPlainObject } from '../filter.js';
import type { StoredUpdate } from '../update.js';
import { matcher } from './matcher.js';

type Container = Record<string, unknown> | unknown[];

/**
 * A changed copy of the document, the original untouched. It shares with the original what the update does not touch, and
 * with the update its operands: for reading only. `inserting` also applies `$setOnInsert`. Throws
 * StoreQueryError where an operator meets a value of the wrong type; then nothing is changed at all.
 */
export function applyUpdate(doc: StoredDocument, update: StoredUpdate, inserting: boolean): StoredDocument {
  const next = { ...doc };
  // Containers that are this copy's own, and may be changed.
  const own = new Set<Container>([next]);
  for (const [operator, fields] of Object.entries(update)) {
    if (operator === '$setOnInsert' && !inserting) continue;
    for (const [path, operand] of Object.entries(fields)) applyOperator(next, own, operator, path, operand);
  }
  return next;
}

function applyOperator(
  doc: StoredDocument,
  own: Set<Container>,
  operator: string,
  path: string,
  operand: unknown,
): void {
  const creates = operator !== '$unset' && operator !== '$pull';
  const place = locate(doc, own, path, creates);
  if (place === undefined) return;
  const { container, key } = place;
  const current = (container as Record<string, unknown>)[key];
  switch (operator) {
    case '$set':
    case '$setOnInsert':
      return assign(container, key, operand);
    case '$unset':
      if (Array.isArray(container)) {
        if (Number(key) < container.length) container[Number(key)] = null;
      } else delete container[key];
      return;
    case '$inc': {
      const number =
        current === undefined ? 0 : typeof current === 'number' ? current : taggedNumber(current);
      if (number === undefined) throw wrongType(doc, operator, path, 'a number', current);
      return assign(container, key, tagNumber(number + (operand as number)));
    }
    case '$min':
      if (current === undefined || compareValues(operand, current) < 0) assign(container, key, operand);
      return;
    case '$max':
      if (current === undefined || compareValues(operand, current) > 0) assign(container, key, operand);
      return;
    default:
      if (current === undefined && operator === '$pull') return;
      if (current !== undefined && !Array.isArray(current))
        throw wrongType(doc, operator, path, 'an array', current);
      return assign(
        container,
        key,
        changedArray((current as unknown[] | undefined) ?? [], operator, operand),
      );
  }
}

function changedArray(items: unknown[], operator: string, operand: unknown): unknown[] {
  const each =
    isOperators(operand) && Array.isArray(operand['$each']) ? (operand['$each'] as unknown[]) : [operand];
  if (operator === '$pull') {
    const matches = pullMatcher(operand);
    return items.filter((item) => !matches(item));
  }
  if (operator === '$addToSet') {
    const set = [...items];
    for (const item of each) if (!set.some((other) => isDeepStrictEqual(other, item))) set.push(item);
    return set;
  }
  const pushed = [...items, ...each];
  const slice = isOperators(operand) ? (operand['$slice'] as number | undefined) : undefined;
  if (slice === undefined) return pushed;
  return slice >= 0 ? pushed.slice(0, slice) : pushed.slice(slice);
}

function pullMatcher(operand: unknown): (item: unknown) => boolean {
  if (isOperators(operand)) {
    const test = matcher({ v: operand });
    return (item) => test({ v: item });
  }
  if (isPlainObject(operand)) {
    const test = matcher(operand);
    return (item) => isPlainObject(item) && test(item);
  }
  return (item) => isDeepStrictEqual(item, operand);
}

/** The container of a path and its key there; the containers on the way become the copy's own. */
function locate(
  doc: StoredDocument,
  own: Set<Container>,
  path: string,
  create: boolean,
): { container: Container; key: string } | undefined {
  const parts = path.split('.');
  const key = parts.pop() as string;
  let container: Container = doc;
  for (const [i, part] of parts.entries()) {
    if (Array.isArray(container) && !/^\d+$/.test(part)) {
      if (!create) return undefined;
      throw noField(doc, path, parts.slice(0, i).join('.'));
    }
    let child: unknown = (container as Record<string, unknown>)[part];
    if (child === undefined) {
      if (!create) return undefined;
      child = {};
      assign(container, part, child);
    }
    if (typeof child !== 'object' || child === null) {
      if (!create) return undefined;
      throw noField(doc, path, parts.slice(0, i + 1).join('.'));
    }
    if (!own.has(child as Container)) {
      child = Array.isArray(child) ? [...(child as unknown[])] : { ...child };
      assign(container, part, child);
    }
    own.add(child as Container);
    container = child as Container;
  }
  if (Array.isArray(container) && !/^\d+$/.test(key)) {
    if (!create) return undefined;
    throw noField(doc, path, parts.join('.'));
  }
  return { container, key };
}

function assign(container: Container, key: string, value: unknown): void {
  if (Array.isArray(container)) {
    const index = Number(key);
    while (container.length < index) container.push(null);
    container[index] = value;
  } else container[key] = value;
}

function wrongType(
  doc: StoredDocument,
  operator: string,
  path: string,
  wanted: string,
  got: unknown,
): StoreQueryError {
  return new StoreQueryError(
    `${operator} needs ${wanted} at '${path}' of document '${doc._id}'; it holds ${describe(got)}.`,
    { path, operator, id: doc._id },
  );
}

function noField(doc: StoredDocument, path: string, at: string): StoreQueryError {
  return new StoreQueryError(
    `'${path}' can't be made in document '${doc._id}': '${at}' is an array or a value, not an object.`,
    { path, id: doc._id },
  );
}
