import { compareCategories } from '../table/category-order.js';
import { columnLength } from '../table/table.js';
import type { Column } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import { categoryCells } from './cells.js';
import type { Category } from './cells.js';

/** Which categories are rare. */
export interface InfrequentOptions {
  /** Categories of fewer rows than this (below 1: this share of the rows) are grouped as infrequent. */
  readonly minFrequency?: number;
  /** Most outputs a column, the infrequent group included. */
  readonly maxCategories?: number;
}

/**
 * Categories of one column: sorted, missing (null) last; `infrequent` are positions of those grouped,
 * ascending.
 */
export interface FittedCategories {
  readonly categories: readonly Category[];
  readonly infrequent: readonly number[];
}

/** Name of the group of infrequent categories, as scikit-learn writes it. */
const INFREQUENT = 'infrequent_sklearn';

/**
 * Categories of a column: the given ones, or all that occur (numbers by size, strings by code point, missing
 * last) with the rare ones grouped. `groupMissing` tells whether the missing one may be grouped too. Given
 * numbers must ascend, and missing be last. With `refuseOthers`, a cell that is none of the given categories
 * throws RK_TABULAR_CELL_INVALID.
 */
export function fitCategories(
  column: Column,
  given: readonly Category[] | undefined,
  options: InfrequentOptions & { readonly groupMissing: boolean; readonly refuseOthers: boolean },
): FittedCategories {
  const counts = categoryCounts(column);
  const categories = given ?? [...counts.keys()].sort(byValue);
  if (given !== undefined) checkGiven(column.name, given);
  if (given !== undefined && options.refuseOthers) {
    const known = new Set(given);
    const cells = categoryCells(column);
    const row = cells.findIndex((cell) => !known.has(cell));
    if (row >= 0) throw unknownCategory(column.name, row, cells[row]!);
  }
  const grouped = categories.at(-1) === null && !options.groupMissing ? categories.slice(0, -1) : categories;
  const numbers = grouped.map((category) => counts.get(category) ?? 0);
  return { categories, infrequent: infrequentOf(numbers, columnLength(column), options) };
}

/** Cells of each category that occurs; texts are counted by their codes. */
function categoryCounts(column: Column): Map<Category, number> {
  const counts = new Map<Category, number>();
  const add = (cell: Category, count: number): unknown => counts.set(cell, (counts.get(cell) ?? 0) + count);
  if (column.type === 'numeric') {
    for (const cell of categoryCells(column)) add(cell, 1);
    return counts;
  }
  const { codes, categories } = column;
  const numbers = new Uint32Array(categories.length);
  let missing = 0;
  for (let i = 0; i < codes.length; i++) {
    if (codes[i]! < 0) missing++;
    else numbers[codes[i]!]!++;
  }
  categories.forEach((category, code) => {
    if (numbers[code]! > 0) add(category, numbers[code]!);
  });
  if (missing > 0) add(null, missing);
  return counts;
}

/**
 * Position of each cell's category after grouping (the infrequent group is last but for missing left
 * ungrouped), −1 for unknown ones.
 */
export function encodeCategories(
  { categories, infrequent }: FittedCategories,
  cells: readonly Category[],
): Int32Array {
  const codes = groupedPositions(categories.length, infrequent);
  const positions = new Map(categories.map((category, i) => [category, codes[i]!]));
  return Int32Array.from(cells, (cell) => positions.get(cell) ?? -1);
}

/** Position of each category after grouping: frequent ones in order, then the group. */
function groupedPositions(count: number, infrequent: readonly number[]): number[] {
  const rare = new Set(infrequent);
  let next = 0;
  const group = count - infrequent.length;
  return Array.from({ length: count }, (_, i) => (rare.has(i) ? group : next++));
}

/** Categories after grouping: the frequent ones in order, then INFREQUENT where there is a group. */
export function groupedCategories({ categories, infrequent }: FittedCategories): Category[] {
  if (infrequent.length === 0) return [...categories];
  const rare = new Set(infrequent);
  return [...categories.filter((_, i) => !rare.has(i)), INFREQUENT];
}

/** An error for a cell that has no code. */
export function unknownCategory(column: string, row: number, cell: Category): TabularError {
  return new TabularError(
    'RK_TABULAR_CELL_INVALID',
    `Column "${column}", row ${row}: the category ${JSON.stringify(cell)} is not known; fit with it, or let the encoder handle unknown categories.`,
    { column, row: String(row), value: String(cell) },
  );
}

function byValue(a: Category, b: Category): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return compareCategories(String(a), String(b));
}

function infrequentOf(counts: readonly number[], rows: number, options: InfrequentOptions): number[] {
  const { minFrequency, maxCategories } = options;
  checkOptions(options);
  const floor = minFrequency === undefined ? 0 : minFrequency < 1 ? rows * minFrequency : minFrequency;
  const rare = counts.map((count) => count < floor);
  const outputs = rare.filter((r) => !r).length + 1;
  if (maxCategories !== undefined && maxCategories < outputs) {
    // Of equally frequent categories the first ones become infrequent: a stable sort by count, as NumPy's.
    const byCount = counts.map((_, i) => i).sort((a, b) => counts[a]! - counts[b]! || a - b);
    for (const i of byCount.slice(0, Math.max(0, counts.length - (maxCategories - 1)))) rare[i] = true;
  }
  return counts.flatMap((_, i) => (rare[i] === true ? [i] : []));
}

function checkOptions({ minFrequency, maxCategories }: InfrequentOptions): void {
  const badMin =
    minFrequency !== undefined && !(minFrequency > 0 && (minFrequency < 1 || Number.isInteger(minFrequency)));
  const badMax = maxCategories !== undefined && !(Number.isInteger(maxCategories) && maxCategories >= 1);
  if (!badMin && !badMax) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    badMin
      ? `minFrequency must be a whole number of rows or a share below 1; it is ${minFrequency}.`
      : `maxCategories must be a whole number of at least 1; it is ${maxCategories}.`,
  );
}

function checkGiven(column: string, given: readonly Category[]): void {
  const problem =
    new Set(given).size !== given.length
      ? 'contain duplicates'
      : given.slice(0, -1).includes(null)
        ? 'have the missing one not last'
        : given.some((category, i) => {
              const before = given[i - 1];
              return typeof category === 'number' && typeof before === 'number' && category < before;
            })
          ? 'are numbers that do not ascend'
          : undefined;
  if (problem === undefined) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `The categories of column "${column}" ${problem}; correct them.`,
    {
      column,
    },
  );
}
