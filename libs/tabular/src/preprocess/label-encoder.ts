import { compareCategories } from '../table/category-order.js';
import { TabularError } from '../tabular-error.js';
import { categoryText } from './cells.js';

/**
 * Labels as numbers. As scikit-learn 1.9.1 `LabelEncoder`: classes are sorted, numbers by size, strings by
 * code point.
 */
export interface FittedLabelEncoder {
  readonly kind: 'label_encoder';
  readonly classes: readonly (string | number)[];
}

/**
 * Fit on labels: all strings, or all numbers without NaN. Throws RK_TABULAR_TARGET_INVALID for a mixture or
 * NaN.
 */
export function fitLabelEncoder(labels: ArrayLike<string | number>): FittedLabelEncoder {
  const distinct = [...new Set(Array.from(labels))];
  const strings = distinct.every((label) => typeof label === 'string');
  const numbers = distinct.every((label) => typeof label === 'number' && !Number.isNaN(label));
  if (!strings && !numbers) {
    throw new TabularError(
      'RK_TABULAR_TARGET_INVALID',
      'Labels must be all strings or all numbers without NaN; leave missing labels out.',
    );
  }
  const classes = numbers
    ? (distinct as number[]).sort((a, b) => a - b)
    : (distinct as string[]).sort(compareCategories);
  return { kind: 'label_encoder', classes };
}

/** Positions of the labels among the classes; throws RK_TABULAR_TARGET_INVALID for one that was not fitted. */
export function transformLabelEncoder(
  { classes }: FittedLabelEncoder,
  labels: ArrayLike<string | number>,
): Int32Array {
  const positions = new Map(classes.map((label, i) => [label, i]));
  return Int32Array.from(Array.from(labels), (label, row) => {
    const code = positions.get(label);
    if (code === undefined) throw unknown(label, row);
    return code;
  });
}

/** Labels of the codes; throws RK_TABULAR_TARGET_INVALID for a code of no class. */
export function inverseLabelEncoder(
  { classes }: FittedLabelEncoder,
  codes: ArrayLike<number>,
): (string | number)[] {
  return Array.from(codes, (code, row) => {
    const label = classes[code];
    if (label === undefined) throw unknown(code, row);
    return label;
  });
}

function unknown(label: string | number, row: number): TabularError {
  return new TabularError(
    'RK_TABULAR_TARGET_INVALID',
    `Row ${row}: ${categoryText(label)} was not among the labels fitted; fit the encoder on all labels.`,
    { row: String(row), value: String(label) },
  );
}
