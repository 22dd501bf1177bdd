import { columnByName } from '../table/table.js';
import type { Column, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import {
  categoryCells,
  categoryText,
  columnOfCategories,
  numericCells,
  numericColumn,
  requireRows,
  tableOf,
} from './cells.js';
import type { Category } from './cells.js';
import { encodeCategories, fitCategories, groupedCategories, unknownCategory } from './category-groups.js';
import type { FittedCategories, InfrequentOptions } from './category-groups.js';
import { columnNames } from './map-columns.js';

/** One output a category. As scikit-learn 1.9.1 `OneHotEncoder(sparse_output=False)`. */
export interface OneHotEncoderSpec extends InfrequentOptions {
  readonly kind: 'one_hot_encoder';
  /** Categories in the order wanted, one list a column; default 'auto': those that occur, sorted. */
  readonly categories?: 'auto' | readonly (readonly Category[])[];
  /**
   * Drop the first category of each column, of those with two outputs, or the given ones (one a column).
   * Default none.
   */
  readonly drop?: 'first' | 'if_binary' | readonly Category[] | null;
  /**
   * Default 'error'. 'ignore' gives zeros, 'infrequent_if_exist' the infrequent group where there is one,
   * else zeros.
   */
  readonly handleUnknown?: 'error' | 'ignore' | 'infrequent_if_exist';
}

/** A fitted OneHotEncoder. `drop` is a position after grouping, −1 for none. */
export interface FittedOneHotEncoder {
  readonly kind: 'one_hot_encoder';
  readonly columns: readonly string[];
  readonly handleUnknown: 'error' | 'ignore' | 'infrequent_if_exist';
  readonly features: readonly (FittedCategories & { readonly drop: number })[];
}

/**
 * Fit an encoder on all columns. A missing cell is a category of its own, the last. Throws
 * RK_TABULAR_CELL_INVALID for a cell that is not among given categories where unknown ones are errors, and
 * RK_TABULAR_ARGUMENT_INVALID where a category to drop does not exist or is infrequent.
 */
export function fitOneHotEncoder(
  table: Table,
  spec: OneHotEncoderSpec = { kind: 'one_hot_encoder' },
): FittedOneHotEncoder {
  requireRows(table, 'OneHotEncoder');
  const handleUnknown = spec.handleUnknown ?? 'error';
  checkPerColumn('categories', spec.categories, table);
  checkPerColumn('categories to drop', spec.drop, table);
  const features = table.columns.map((column, j) => {
    const given =
      spec.categories === undefined || spec.categories === 'auto' ? undefined : spec.categories[j]!;
    const refuseOthers = handleUnknown === 'error';
    const fitted = fitCategories(column, given, { ...spec, groupMissing: true, refuseOthers });
    return { ...fitted, drop: dropOf(column, j, fitted, spec.drop) };
  });
  return { kind: 'one_hot_encoder', columns: columnNames(table), handleUnknown, features };
}

/**
 * Columns of 0 and 1, named `<column>_<category>`. Throws RK_TABULAR_CELL_INVALID for an unknown category
 * with 'error'.
 */
export function transformOneHotEncoder(fitted: FittedOneHotEncoder, table: Table): Table {
  const columns: Column[] = [];
  fitted.columns.forEach((name, j) => {
    const feature = fitted.features[j]!;
    const cells = categoryCells(columnByName(table, name));
    const codes = encodeCategories(feature, cells);
    const group = feature.categories.length - feature.infrequent.length;
    for (let row = 0; row < codes.length; row++) {
      if (codes[row]! >= 0) continue;
      if (fitted.handleUnknown === 'error') throw unknownCategory(name, row, cells[row]!);
      if (fitted.handleUnknown === 'infrequent_if_exist' && feature.infrequent.length > 0) codes[row] = group;
    }
    groupedCategories(feature).forEach((category, code) => {
      if (code === feature.drop) return;
      const values = new Float64Array(codes.length);
      for (let row = 0; row < codes.length; row++) if (codes[row] === code) values[row] = 1;
      columns.push(numericColumn(outputName(name, category), values));
    });
  });
  return tableOf(table.rows, columns);
}

/**
 * Categories of the largest output of each column; all zeros are the dropped category, or missing where
 * unknown ones are encoded so. The infrequent group is `infrequent_sklearn`. Throws for zeros that stand for
 * nothing.
 */
export function inverseOneHotEncoder(fitted: FittedOneHotEncoder, table: Table): Table {
  const columns = fitted.columns.map((name, j) => {
    const feature = fitted.features[j]!;
    const grouped = groupedCategories(feature);
    const outputs = grouped.flatMap((category, code) => (code === feature.drop ? [] : [{ category, code }]));
    const values = outputs.map(({ category }) =>
      numericCells(columnByName(table, outputName(name, category))),
    );
    const zerosAreUnknown =
      fitted.handleUnknown === 'ignore' ||
      (fitted.handleUnknown === 'infrequent_if_exist' && feature.infrequent.length === 0);
    const cells = Array.from({ length: table.rows }, (_, row): Category => {
      let best = -1;
      let sum = 0;
      values.forEach((output, k) => {
        sum += output[row]!;
        if (best < 0 || output[row]! > values[best]![row]!) best = k;
      });
      if (best >= 0 && sum !== 0) return outputs[best]!.category;
      if (feature.drop >= 0) return grouped[feature.drop]!;
      if (zerosAreUnknown) return null;
      throw new TabularError(
        'RK_TABULAR_CELL_INVALID',
        `Row ${row}: all outputs of column "${name}" are 0, which stands for no category; give encoded rows only.`,
        { column: name, row: String(row) },
      );
    });
    return columnOfCategories(name, cells);
  });
  return tableOf(table.rows, columns);
}

/** Name of the output of a category. */
export function outputName(column: string, category: Category): string {
  return `${column}_${categoryText(category)}`;
}

function dropOf(
  column: Column,
  index: number,
  fitted: FittedCategories,
  drop: OneHotEncoderSpec['drop'],
): number {
  const grouped = groupedCategories(fitted);
  if (drop === undefined || drop === null) return -1;
  if (drop === 'first') return 0;
  if (drop === 'if_binary') return grouped.length === 2 ? 0 : -1;
  const category = drop[index]!;
  const position = fitted.categories.indexOf(category);
  if (position < 0 || fitted.infrequent.includes(position)) {
    throw new TabularError(
      'RK_TABULAR_ARGUMENT_INVALID',
      `Column "${column.name}": the category ${JSON.stringify(category)} to drop ${position < 0 ? 'does not occur' : 'is infrequent'}; name another.`,
      { column: column.name, value: String(category) },
    );
  }
  return grouped.indexOf(category);
}

function checkPerColumn(what: string, given: unknown, table: Table): void {
  if (!Array.isArray(given) || given.length === table.columns.length) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `${given.length} ${what} were given for ${table.columns.length} columns; give one entry a column.`,
  );
}
