import { columnByName, encodeLabels, targetNumbers } from '@rookery/tabular';
import type { EncodingTarget, Table, TargetEncoder } from '@rookery/tabular';

/** The target of these rows as target encoders take it: numbers, or the codes of the classes; sets of labels are none. */
export function encodingTarget(
  table: Table,
  encoder: TargetEncoder,
  rows: Uint32Array,
): EncodingTarget | undefined {
  if (encoder.task === 'multilabel') return undefined;
  const column = columnByName(table, encoder.column);
  if (encoder.task === 'regression') return { type: 'continuous', values: targetNumbers(column, rows) };
  const codes = encodeLabels(encoder, column, rows);
  // The training rows of a fold may lack a class: two of three are encoded as two.
  const classes = new Set(codes).size;
  return { type: classes > 2 ? 'multiclass' : 'binary', values: Float64Array.from(codes) };
}
