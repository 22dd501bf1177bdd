import { encodeLabels, targetNumbers } from '@rookery/tabular';
import type { Column, EncodingTarget, TargetEncoder } from '@rookery/tabular';

/** The target of these rows as target encoders take it: numbers, or the codes of the classes. */
export function encodingTarget(column: Column, encoder: TargetEncoder, rows: Uint32Array): EncodingTarget {
  if (encoder.task === 'regression') return { type: 'continuous', values: targetNumbers(column, rows) };
  const codes = encodeLabels(encoder, column, rows);
  // The training rows of a fold may lack a class: two of three are encoded as two.
  const classes = new Set(codes).size;
  return { type: classes > 2 ? 'multiclass' : 'binary', values: Float64Array.from(codes) };
}
