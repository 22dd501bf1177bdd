/**
 * Checks a filter and puts its values into stored form, once for both adapters, so that an operator one of them lacks is
 * refused by both.
 */
import { describe, encodeValue, type Encoding } from './codec.js';
import { StoreQueryError } from './errors.js';
import type { Filter } from './store.js';

const COMPARISONS = new Set(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte']);

/** A checked filter in stored form: MongoDB's syntax, safe to hand to a driver or an evaluator. */
export type StoredFilter = Record<string, unknown>;

/** Checks and encodes a filter; throws StoreQueryError naming the path at fault. */
export function encodeFilter(filter: Filter, encoding: Encoding, path = ''): StoredFilter {
  if (!isPlainObject(filter))
    throw new StoreQueryError(`A filter must be an object; got ${describe(filter)}.`);
  const encoded: StoredFilter = {};
  for (const [key, value] of Object.entries(filter)) {
    if (value === undefined) {
      throw new StoreQueryError(
        `The filter's '${path}${key}' is undefined; leave the field out, or ask for null or { $exists: false }.`,
        { path: `${path}${key}` },
      );
    }
    if (key === '$and' || key === '$or') {
      if (!Array.isArray(value) || value.length === 0) {
        throw new StoreQueryError(`${key} needs a non-empty array of filters.`, { path: `${path}${key}` });
      }
      encoded[key] = value.map((part: Filter) => encodeFilter(part, encoding, path));
    } else if (key.startsWith('$')) {
      throw new StoreQueryError(`The store has no filter operator ${key} at this place.`, { operator: key });
    } else {
      checkPath(key);
      encoded[key] = encodeCondition(value, encoding, `${path}${key}`);
    }
  }
  return encoded;
}

/** The stored form of what stands beside a field: a value (equality) or an object of operators. */
export function encodeCondition(value: unknown, encoding: Encoding, path: string): unknown {
  if (!isOperators(value)) return encodeValue(value, encoding, path);
  const encoded: Record<string, unknown> = {};
  for (const [operator, operand] of Object.entries(value)) {
    if (operand === undefined) {
      throw new StoreQueryError(`The filter's '${path}' has ${operator}: undefined.`, { path });
    }
    encoded[operator] = encodeOperand(operator, operand, encoding, path);
  }
  return encoded;
}

function encodeOperand(operator: string, operand: unknown, encoding: Encoding, path: string): unknown {
  if (COMPARISONS.has(operator)) return encodeValue(operand, encoding, path);
  switch (operator) {
    case '$in':
    case '$nin':
      if (!Array.isArray(operand)) throw misuse(path, operator, 'an array');
      return encodeValue(operand, encoding, path);
    case '$exists':
      if (typeof operand !== 'boolean') throw misuse(path, operator, 'true or false');
      return operand;
    case '$size':
      if (!Number.isInteger(operand) || (operand as number) < 0)
        throw misuse(path, operator, 'a whole number from 0');
      return operand;
    case '$not':
      if (!isOperators(operand)) throw misuse(path, operator, 'an object of operators');
      return encodeCondition(operand, encoding, path);
    case '$elemMatch':
      if (!isPlainObject(operand)) throw misuse(path, operator, 'a filter or an object of operators');
      return isFieldOperators(operand)
        ? encodeCondition(operand, encoding, path)
        : encodeFilter(operand, encoding, `${path}.`);
    default:
      throw new StoreQueryError(`The store has no filter operator ${operator} (at '${path}').`, {
        path,
        operator,
      });
  }
}

/** Refuses a field path that is empty, has empty parts or names an operator. */
export function checkPath(path: string): void {
  if (path.split('.').some((part) => part === '' || part.startsWith('$') || part === '__proto__')) {
    throw new StoreQueryError(`'${path}' is not a field path.`, { path });
  }
}

/** True for an object whose keys are operators. Throws where operators and fields are mixed. */
export function isOperators(value: unknown): value is Record<string, unknown> {
  if (!isPlainObject(value)) return false;
  const keys = Object.keys(value);
  const operators = keys.filter((key) => key.startsWith('$')).length;
  if (operators > 0 && operators < keys.length) {
    throw new StoreQueryError(`Operators and fields are mixed in ${describe(value)}.`);
  }
  return operators > 0;
}

function isFieldOperators(value: object): boolean {
  return isOperators(value) && !Object.keys(value).some((key) => key === '$and' || key === '$or');
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function misuse(path: string, operator: string, wanted: string): StoreQueryError {
  return new StoreQueryError(`${operator} at '${path}' needs ${wanted}.`, { path, operator });
}

/** The fields a filter fixes by equality (top level and `$and`): what an upsert starts its new document from. */
export function equalityFields(filter: StoredFilter): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(filter)) {
    if (key === '$and') {
      for (const part of value as StoredFilter[]) Object.assign(fields, equalityFields(part));
    } else if (!key.startsWith('$')) {
      if (!isOperators(value)) fields[key] = value;
      else if (Object.hasOwn(value, '$eq')) fields[key] = value['$eq'];
    }
  }
  return fields;
}
