import { columnByName, columnLength } from '../table/table.js';
import type { Column, RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import type { FittedTransformer } from './fitted-transformer.js';

/** Features row by row: `data[row * width + feature]`. */
export interface FeatureMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/**
 * Features of these rows (default: all), computed in float64 and rounded to float32 once. The table's categories
 * may be in another order than the fitted ones, or more. Throws where a column is missing or of another type.
 */
export function transformRows(fitted: FittedTransformer, table: Table, rows?: RowIndices): FeatureMatrix {
  const count = rows?.length ?? table.rows;
  const { width } = fitted;
  const data = new Float32Array(count * width);
  let offset = 0;
  for (const { column: name, fill, mean, scale } of fitted.numeric) {
    const column = columnByName(table, name);
    if (column.type !== 'numeric') throw wrongType(column, 'numeric');
    for (let i = 0; i < count; i++) {
      const value = column.values[rowOf(rows, i, column)]!;
      data[i * width + offset] = ((Number.isFinite(value) ? value : fill) - mean) / scale;
    }
    offset++;
  }
  for (const { column: name, fill, categories } of fitted.categorical) {
    const column = columnByName(table, name);
    if (column.type === 'numeric' || column.type === 'text') throw wrongType(column, 'categorical');
    const position = new Map(categories.map((category, i) => [category, i]));
    const slots = column.categories.map((category) => position.get(category) ?? -1);
    const missingSlot = fill === null ? -1 : position.get(fill)!;
    for (let i = 0; i < count; i++) {
      const code = column.codes[rowOf(rows, i, column)]!;
      const slot = code < 0 ? missingSlot : slots[code]!;
      if (slot >= 0) data[i * width + offset + slot] = 1;
    }
    offset += categories.length;
  }
  return { data, rows: count, width };
}

function rowOf(rows: RowIndices | undefined, i: number, column: Column): number {
  if (rows === undefined) return i;
  const row = rows[i]!;
  if (row >= 0 && row < columnLength(column)) return row;
  throw new TabularError('RK_TABULAR_ARGUMENT_INVALID', `Row ${row} is not in column "${column.name}".`, {
    column: column.name,
    row: String(row),
  });
}

function wrongType(column: Column, wanted: string): TabularError {
  return new TabularError(
    'RK_TABULAR_COLUMN_TYPE',
    `Column "${column.name}" is ${column.type}, but the transformer was fitted on a ${wanted} one.`,
    { column: column.name, type: column.type, wanted },
  );
}
