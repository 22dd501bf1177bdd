import { columnByName } from '../table/table.js';
import type { Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import {
  categoryCells,
  columnOfCategories,
  fromJsonNumber,
  numericCells,
  numericColumn,
  requireRows,
  tableOf,
} from './cells.js';
import type { Category, JsonNumber } from './cells.js';
import { encodeCategories, fitCategories, groupedCategories, unknownCategory } from './category-groups.js';
import type { FittedCategories, InfrequentOptions } from './category-groups.js';
import { columnNames } from './map-columns.js';

/** Categories as numbers 0, 1, …. As scikit-learn 1.9.1 `OrdinalEncoder`. */
export interface OrdinalEncoderSpec extends InfrequentOptions {
  readonly kind: 'ordinal_encoder';
  /** Categories in the order wanted, one list a column; default 'auto': those that occur, sorted. */
  readonly categories?: 'auto' | readonly (readonly Category[])[];
  /** Default 'error'. */
  readonly handleUnknown?: 'error' | 'use_encoded_value';
  /** Number of unknown categories, null for NaN. Given exactly with 'use_encoded_value'. */
  readonly unknownValue?: JsonNumber;
  /** Number of missing cells, null for NaN. Default null. */
  readonly encodedMissingValue?: JsonNumber;
}

/** A fitted OrdinalEncoder. `categories` leave the missing one out; `missing` tells whether it is known. */
export interface FittedOrdinalEncoder {
  readonly kind: 'ordinal_encoder';
  readonly columns: readonly string[];
  readonly handleUnknown: 'error' | 'use_encoded_value';
  readonly unknownValue: JsonNumber;
  readonly encodedMissingValue: JsonNumber;
  readonly features: readonly (FittedCategories & { readonly missing: boolean })[];
}

/**
 * Fit an encoder on all columns; missing cells are known where they occurred (or were given) and never
 * infrequent. Throws RK_TABULAR_ARGUMENT_INVALID where a number for unknown or missing cells is one of a
 * category.
 */
export function fitOrdinalEncoder(
  table: Table,
  spec: OrdinalEncoderSpec = { kind: 'ordinal_encoder' },
): FittedOrdinalEncoder {
  requireRows(table, 'OrdinalEncoder');
  const handleUnknown = spec.handleUnknown ?? 'error';
  if ((handleUnknown === 'use_encoded_value') !== (spec.unknownValue !== undefined)) {
    throw invalid('unknownValue must be given exactly with handleUnknown "use_encoded_value".');
  }
  const { categories } = spec;
  if (categories !== undefined && categories !== 'auto' && categories.length !== table.columns.length) {
    throw invalid(`${categories.length} lists of categories were given for ${table.columns.length} columns.`);
  }
  const encodedMissingValue = spec.encodedMissingValue ?? null;
  const unknownValue = spec.unknownValue ?? null;
  const features = table.columns.map((column, j) => {
    const given = categories === undefined || categories === 'auto' ? undefined : categories[j]!;
    const refuseOthers = handleUnknown === 'error';
    const fitted = fitCategories(column, given, { ...spec, groupMissing: false, refuseOthers });
    const missing = fitted.categories.at(-1) === null;
    const known = missing ? fitted.categories.slice(0, -1) : fitted.categories;
    // scikit-learn counts the infrequent group out here.
    const count = known.length - fitted.infrequent.length;
    const taken = (value: JsonNumber): boolean => value !== null && value >= 0 && value < count;
    if (taken(unknownValue)) throw invalid(`unknownValue ${unknownValue} is the number of a category.`);
    if (missing && taken(encodedMissingValue)) {
      throw invalid(
        `encodedMissingValue ${encodedMissingValue} is the number of a category of column "${column.name}".`,
      );
    }
    return { categories: known, infrequent: fitted.infrequent, missing };
  });
  return {
    kind: 'ordinal_encoder',
    columns: columnNames(table),
    handleUnknown,
    unknownValue,
    encodedMissingValue,
    features,
  };
}

/**
 * Columns of numbers, under their names; infrequent categories share the number after the last frequent one.
 */
export function transformOrdinalEncoder(fitted: FittedOrdinalEncoder, table: Table): Table {
  const unknown = fromJsonNumber(fitted.unknownValue);
  const missing = fromJsonNumber(fitted.encodedMissingValue);
  const columns = fitted.columns.map((name, j) => {
    const feature = fitted.features[j]!;
    const cells = categoryCells(columnByName(table, name));
    const codes = encodeCategories(feature, cells);
    const values = Float64Array.from(codes, (code, row) => {
      if (code >= 0) return code;
      if (cells[row] === null && feature.missing) return missing;
      if (fitted.handleUnknown === 'error') throw unknownCategory(name, row, cells[row]!);
      return unknown;
    });
    return numericColumn(name, values);
  });
  return tableOf(table.rows, columns);
}

/**
 * Categories of the numbers; missing for the numbers of missing and unknown cells, `infrequent_sklearn` for
 * the group. Throws RK_TABULAR_CELL_INVALID for a number of no category.
 */
export function inverseOrdinalEncoder(fitted: FittedOrdinalEncoder, table: Table): Table {
  const columns = fitted.columns.map((name, j) => {
    const feature = fitted.features[j]!;
    const grouped = groupedCategories(feature);
    const isNothing = (value: number): boolean =>
      (feature.missing && Object.is(value, fromJsonNumber(fitted.encodedMissingValue))) ||
      (fitted.handleUnknown === 'use_encoded_value' && Object.is(value, fromJsonNumber(fitted.unknownValue)));
    const cells = Array.from(numericCells(columnByName(table, name)), (value, row): Category => {
      if (isNothing(value)) return null;
      const category = grouped[Math.trunc(value)];
      if (category === undefined) {
        throw new TabularError(
          'RK_TABULAR_CELL_INVALID',
          `Column "${name}", row ${row}: ${value} is the number of no category; give numbers from 0 to ${grouped.length - 1}.`,
          { column: name, row: String(row), value: String(value) },
        );
      }
      return category;
    });
    return columnOfCategories(name, cells);
  });
  return tableOf(table.rows, columns);
}

function invalid(message: string): TabularError {
  return new TabularError('RK_TABULAR_ARGUMENT_INVALID', `OrdinalEncoder: ${message}`);
}
