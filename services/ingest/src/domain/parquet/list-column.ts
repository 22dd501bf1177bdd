import type { SchemaElement, SchemaTree } from 'hyparquet';

import type { ListLevels } from './list-levels.js';

/** A column of lists, each item a single value. */
export interface ListColumn {
  /** Names from the column to its items, as column chunks carry them. */
  readonly path: readonly string[];
  /** What an item is. */
  readonly item: SchemaElement;
  readonly levels: ListLevels;
}

/** What byte arrays are that hold text. */
const texts = ['UTF8', 'ENUM'];

/**
 * The column of lists that a field is: a group of the type LIST that holds one repeated group with one single value, as the format's
 * document demands of writers. Undefined for anything else: older shapes, lists of lists, structs, maps.
 */
export function listColumnOf(field: SchemaTree): ListColumn | undefined {
  const [repeated, ...more] = field.children;
  if (field.element.converted_type !== 'LIST') return undefined;
  if (repeated === undefined || more.length > 0 || field.element.repetition_type === 'REPEATED')
    return undefined;
  const [item, ...others] = repeated.children;
  if (item === undefined || others.length > 0 || repeated.element.repetition_type !== 'REPEATED')
    return undefined;
  if (item.children.length > 0 || item.element.repetition_type === 'REPEATED') return undefined;
  // Bytes of anything may not be taken for text.
  if (item.element.type === 'BYTE_ARRAY' && !texts.some((one) => one === item.element.converted_type))
    return undefined;
  // By the rules for older files the items of such a list are structs of one field.
  const { name } = repeated.element;
  if (name === 'array' || name === `${field.element.name}_tuple`) return undefined;
  const list = field.element.repetition_type === 'OPTIONAL' ? 1 : 0;
  return {
    path: item.path,
    item: item.element,
    levels: { item: list + 1, value: list + 1 + (item.element.repetition_type === 'OPTIONAL' ? 1 : 0) },
  };
}
