import { NnError } from '../nn-error.js';
import { mostItems } from './spec-limits.js';

export type Fields = Record<string, unknown>;

/** Throws RK_SPEC_INVALID with the path of the field. */
export function refuse(field: string, problem: string, hint?: string): never {
  throw new NnError('RK_SPEC_INVALID', `The model's ${field} ${problem}.`, {
    details: { field },
    hint: hint ?? 'Correct the field, or leave it out for its default.',
  });
}

/** Absent: undefined, or null, which JSON's writers put in its place. */
export function absent(value: unknown): value is undefined | null {
  return value === undefined || value === null;
}

/** An object's fields, none of which is unknown. */
export function fieldsOf(value: unknown, field: string, known: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse(field, 'must be an object');
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const path = field === 'spec' ? key : `${field}.${key}`;
      refuse(path, `is not known here; known are ${known.join(', ')}`, 'Check the spelling, or remove it.');
    }
  }
  return value as Fields;
}

export interface Range {
  min: number;
  max: number;
  integer?: boolean;
  /** The ends themselves are not allowed. */
  open?: boolean;
}

export function numberOf(
  value: unknown,
  field: string,
  fallback: number,
  { min, max, integer, open }: Range,
): number {
  if (absent(value)) return fallback;
  const fits =
    typeof value === 'number' &&
    Number.isFinite(value) &&
    (open === true ? value > min && value < max : value >= min && value <= max) &&
    (integer !== true || Number.isInteger(value));
  if (fits) return value;
  const kind = integer === true ? 'a whole number' : 'a number';
  return refuse(
    field,
    `must be ${kind} ${open === true ? 'between' : 'from'} ${min} ${open === true ? 'and' : 'to'} ${max}, not ${JSON.stringify(value)}`,
  );
}

/** A number that may be left out: `{ [name]: number }` or nothing. */
export function optionalNumber<N extends string>(
  fields: Fields,
  name: N,
  path: string,
  range: Range,
): Partial<Record<N, number>> {
  if (absent(fields[name])) return {};
  return { [name]: numberOf(fields[name], path, 0, range) } as Record<N, number>;
}

export function choiceOf<T extends string>(
  value: unknown,
  field: string,
  fallback: T,
  choices: readonly T[],
): T {
  if (absent(value)) return fallback;
  if (choices.includes(value as T)) return value as T;
  return refuse(field, `must be one of ${choices.join(', ')}, not ${JSON.stringify(value)}`);
}

export function flagOf(value: unknown, field: string, fallback: boolean): boolean {
  if (absent(value)) return fallback;
  return typeof value === 'boolean'
    ? value
    : refuse(field, `must be true or false, not ${JSON.stringify(value)}`);
}

export function numbersOf(value: unknown, field: string, range: Range): number[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > mostItems.numbers)
    return refuse(field, `must be a list of 1 to ${mostItems.numbers} numbers`);
  return value.map((item, i) =>
    absent(item) ? refuse(`${field}[${i}]`, 'is missing') : numberOf(item, `${field}[${i}]`, 0, range),
  );
}
