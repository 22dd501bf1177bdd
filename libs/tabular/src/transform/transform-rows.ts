import { columnByName } from '../table/table.js';
import type { RowIndices, Table } from '../table/table.js';
import { TabularError } from '../tabular-error.js';
import type { FittedStandardTransformer, FittedTransformer } from './fitted-transformer.js';
import { pipelineRows } from './pipeline-rows.js';
import { rowOf, wrongType } from './row-of-column.js';

/** Features row by row: `data[row * width + feature]`. */
export interface FeatureMatrix {
  readonly data: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/**
 * Features of these rows (default: all), computed in float64 and rounded to float32 once. The table's categories
 * may be in another order than the fitted ones, or more. Throws where a column is missing or of another type, and
 * RK_TABULAR_CELL_INVALID for a cell that a pipeline refuses.
 */
export function transformRows(fitted: FittedTransformer, table: Table, rows?: RowIndices): FeatureMatrix {
  if (fitted.version === 1) return standardRows(fitted, table, rows);
  checkVersion(fitted.version);
  return pipelineRows(fitted, table, rows);
}

/**
 * Features of the rows that the transformer was fitted on, in their order: as transformRows, but target encoders see
 * for each row the other inner folds only.
 */
export function transformTrainingRows(
  fitted: FittedTransformer,
  table: Table,
  rows?: RowIndices,
): FeatureMatrix {
  if (fitted.version === 1) return standardRows(fitted, table, rows);
  checkVersion(fitted.version);
  return pipelineRows(fitted, table, rows, { training: true });
}

/** Throws for a transformer of a later release. */
export function checkVersion(version: number): void {
  if (version === 2) return;
  throw new TabularError(
    'RK_TABULAR_ARGUMENT_INVALID',
    `The transformer has the version ${version}; this release knows 1 and 2. Update it.`,
  );
}

function standardRows(
  fitted: FittedStandardTransformer,
  table: Table,
  rows: RowIndices | undefined,
): FeatureMatrix {
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
