import type { Range } from './spec-fields.js';

/** A part of a JSON Schema (2020-12). */
export type Schema = Record<string, unknown>;

/** What a field says of itself beside what it may be. */
export interface FieldText {
  description?: string;
  default?: unknown;
}

/** A number of a range; `null` means left out, as everywhere in a specification. */
export function numberSchema(range: Range, text: FieldText = {}): Schema {
  const { min, max, integer, open } = range;
  return {
    ...text,
    type: [integer === true ? 'integer' : 'number', 'null'],
    ...(open === true ? { exclusiveMinimum: min, exclusiveMaximum: max } : { minimum: min, maximum: max }),
  };
}

/** One of some words, or left out. */
export function choiceSchema(choices: readonly string[], text: FieldText = {}): Schema {
  return { ...text, enum: [...choices, null] };
}

/** True, false, or left out. */
export function flagSchema(text: FieldText = {}): Schema {
  return { ...text, type: ['boolean', 'null'] };
}

/** A list of numbers of a range. */
export function numbersSchema(range: Range, most: number, text: FieldText = {}): Schema {
  const items = { ...numberSchema(range), type: range.integer === true ? 'integer' : 'number' };
  return { ...text, type: 'array', minItems: 1, maxItems: most, items };
}

/** An object of these fields and no others; `required` ones may not be null either. */
export function objectSchema(properties: Record<string, Schema>, required: readonly string[] = []): Schema {
  const own = Object.entries(properties).map(([name, schema]) => [
    name,
    required.includes(name) ? withoutNull(schema) : schema,
  ]);
  return {
    type: 'object',
    properties: Object.fromEntries(own) as Schema,
    ...(required.length > 0 && { required: [...required] }),
    additionalProperties: false,
  };
}

/** The schema, or left out. */
export function orNull(schema: Schema, text: FieldText = {}): Schema {
  return { ...text, anyOf: [schema, { type: 'null' }] };
}

/** `then` where the field is given and one of `values`. */
export function whereField(name: string, values: readonly unknown[], then: Schema): Schema {
  return { if: { properties: { [name]: { enum: [...values] } }, required: [name] }, then };
}

/** Objects in which not two of the fields are given. */
export function notTogether(names: readonly string[]): Schema[] {
  const given = { not: { type: 'null' } };
  return names.flatMap((first, i) =>
    names.slice(i + 1).map((second) => ({
      not: { required: [first, second], properties: { [first]: given, [second]: given } },
    })),
  );
}

function withoutNull(schema: Schema): Schema {
  const { type, enum: choices, ...rest } = schema;
  if (Array.isArray(choices)) return { ...rest, enum: choices.filter((choice) => choice !== null) };
  return { ...rest, type: Array.isArray(type) ? type.find((one) => one !== 'null') : type };
}
