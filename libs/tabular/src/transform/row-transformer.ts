import { parseDecimal } from '../table/infer-column.js';
import { inputColumns } from './fitted-transformer.js';
import type { FittedStandardTransformer, FittedTransformer } from './fitted-transformer.js';
import { pipelineRow } from './pipeline-row.js';
import { checkVersion } from './transform-rows.js';

/**
 * Gives one cell of the row at hand. `index` is the column's position in `RowTransformer.inputs`, for readers
 * that keep rows as arrays. null, undefined and non-finite numbers are missing.
 */
export type RowReader = (column: string, index: number) => number | string | boolean | null | undefined;

/** Writes one row's features to `out`, from `offset` on. */
export interface RowTransformer {
  (read: RowReader, out: Float32Array, offset: number): void;
  /** Column names in the order of the indices given to a reader: numeric ones, then categorical ones. */
  readonly inputs: readonly string[];
  readonly width: number;
}

/**
 * A transformer of single rows for serving: no allocation a row, and bit for bit the floats of `transformRows`.
 * Decimal text in a numeric column is read as its number, other text as missing; a number or boolean in a
 * categorical column stands for its text. (Reject what does not fit the signature before calling it.) A transformer of a
 * pipeline throws RK_TABULAR_CELL_INVALID, naming column and value, for a cell that its steps refuse.
 */
export function compileRowTransformer(fitted: FittedTransformer): RowTransformer {
  if (fitted.version === 1) return standardRow(fitted);
  checkVersion(fitted.version);
  return pipelineRow(fitted);
}

function standardRow(fitted: FittedStandardTransformer): RowTransformer {
  const { numeric, categorical, width } = fitted;
  const encoders = categorical.map(({ column, fill, categories }) => {
    const slots = new Map(categories.map((category, i) => [category, i]));
    return { column, slots, size: categories.length, missing: fill === null ? -1 : slots.get(fill)! };
  });
  const transform = (read: RowReader, out: Float32Array, offset: number): void => {
    let at = offset;
    for (let i = 0; i < numeric.length; i++) {
      const { column, fill, mean, scale } = numeric[i]!;
      const cell = read(column, i);
      const value =
        typeof cell === 'number' ? cell : typeof cell === 'string' ? (parseDecimal(cell) ?? NaN) : NaN;
      out[at++] = ((Number.isFinite(value) ? value : fill) - mean) / scale;
    }
    for (let i = 0; i < encoders.length; i++) {
      const { column, slots, size, missing } = encoders[i]!;
      const cell = read(column, numeric.length + i);
      let slot = missing;
      if (typeof cell === 'string') slot = slots.get(cell) ?? -1;
      else if (typeof cell === 'boolean') slot = slots.get(cell ? 'true' : 'false') ?? -1;
      else if (typeof cell === 'number' && !Number.isNaN(cell)) slot = slots.get(String(cell)) ?? -1;
      for (let k = 0; k < size; k++) out[at + k] = 0;
      if (slot >= 0) out[at + slot] = 1;
      at += size;
    }
  };
  return Object.assign(transform, { inputs: inputColumns(fitted), width });
}
