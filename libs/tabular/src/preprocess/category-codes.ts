import { columnByName } from '../table/table.js';
import type { Table } from '../table/table.js';
import { categoryCells, numericColumn, requireRows, tableOf } from './cells.js';
import type { Category } from './cells.js';
import { encodeCategories, fitCategories } from './category-groups.js';
import type { FittedCategories, InfrequentOptions } from './category-groups.js';
import { columnNames } from './map-columns.js';

/** Code of a missing cell. */
export const MISSING_CODE = 0;
/** Code of a category that was not fitted. */
export const UNKNOWN_CODE = 1;
/** Code of the first category; the others follow. */
export const FIRST_CATEGORY_CODE = 2;

/**
 * Categories as the integers that an embedding layer looks up. Never refuses a cell: 0 is missing, 1 an unknown
 * category, and the categories follow from 2 on (as Keras's StringLookup with a mask token). Rare categories share
 * the last code.
 */
export interface CategoryCodesSpec extends InfrequentOptions {
  readonly kind: 'category_codes';
  /** Categories in the order wanted, one list a column; default 'auto': those that occur, sorted. */
  readonly categories?: 'auto' | readonly (readonly Category[])[];
}

/** Fitted categories of each column, the missing one left out. */
export interface FittedCategoryCodes {
  readonly kind: 'category_codes';
  readonly columns: readonly string[];
  readonly features: readonly FittedCategories[];
}

/** Fit the codes of all columns. Throws RK_TABULAR_ARGUMENT_INVALID for given categories in a wrong order or twice. */
export function fitCategoryCodes(
  table: Table,
  spec: CategoryCodesSpec = { kind: 'category_codes' },
): FittedCategoryCodes {
  requireRows(table, 'CategoryCodes');
  const features = table.columns.map((column, j) => {
    const given =
      spec.categories === undefined || spec.categories === 'auto' ? undefined : spec.categories[j];
    const fitted = fitCategories(column, given, { ...spec, groupMissing: false, refuseOthers: false });
    const categories = fitted.categories.filter((category) => category !== null);
    return { categories, infrequent: fitted.infrequent };
  });
  return { kind: 'category_codes', columns: columnNames(table), features };
}

/** Columns of codes, under their names. */
export function transformCategoryCodes(fitted: FittedCategoryCodes, table: Table): Table {
  const columns = fitted.columns.map((name, j) => {
    const cells = categoryCells(columnByName(table, name));
    const codes = encodeCategories(fitted.features[j]!, cells);
    return numericColumn(
      name,
      Float64Array.from(codes, (code, row) => codeOf(code, cells[row] === null)),
    );
  });
  return tableOf(table.rows, columns);
}

/** The code of a cell by the position of its category after grouping (−1 for none). */
export function codeOf(position: number, missing: boolean): number {
  if (missing) return MISSING_CODE;
  return position < 0 ? UNKNOWN_CODE : position + FIRST_CATEGORY_CODE;
}

/** Number of different codes of a column: the rows of its embedding. */
export function codeCount({ categories, infrequent }: FittedCategories): number {
  const known = categories.length - infrequent.length + (infrequent.length > 0 ? 1 : 0);
  return known + FIRST_CATEGORY_CODE;
}
