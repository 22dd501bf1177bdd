import { shuffle } from './random.js';
import type { RandomStream } from './random.js';

/** Rows to fit on and rows to judge by, each in the order of the table. */
export interface ValidationRows {
  fitted: Int32Array;
  held: Int32Array;
}

/**
 * Holds a share of the rows out, drawn by chance: as many as Keras's validation_split, which takes the last ones instead. A table
 * sorted by its target would lose a class that way.
 */
export function validationRows(rows: number, share: number, random: RandomStream): ValidationRows {
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  shuffle(order, random);
  const fitted = Math.floor(rows * (1 - share));
  return { fitted: order.slice(0, fitted).sort(), held: order.slice(fitted).sort() };
}

/** Some rows of a matrix of `width` columns. */
export function selectRows<A extends Int32Array | Float32Array>(
  values: A,
  width: number,
  rows: Int32Array,
): A {
  const Kind = values.constructor as new (length: number) => A;
  const selected = new Kind(rows.length * width);
  for (const [i, row] of rows.entries())
    selected.set(values.subarray(row * width, (row + 1) * width), i * width);
  return selected;
}
