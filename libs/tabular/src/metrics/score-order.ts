import {
  DIGITS,
  DIGIT_BITS,
  PASSES,
  SHORT_RUN,
  orderOf,
  startsOfCounts,
  upperHalves,
} from '../profile/sort-floats.js';

/** Fewer rows than this are sorted by the engine's own sort. */
const FEW = 2048;

/** Rows by ascending score, rows of equal scores in their order; −0 and 0 are equal. A radix sort where there are many. */
export function ascendingOrder(scores: ArrayLike<number>): Uint32Array {
  return orderBy(scores, 1);
}

/** Rows by descending score, rows of equal scores in their order. */
export function descendingOrder(scores: ArrayLike<number>): Uint32Array {
  return orderBy(scores, -1);
}

function orderBy(scores: ArrayLike<number>, sign: 1 | -1): Uint32Array {
  const n = scores.length;
  const values = new Float64Array(n);
  // Adding 0 makes 0 of −0.
  for (let i = 0; i < n; i++) values[i] = sign * scores[i]! + 0;
  const rows = new Uint32Array(n);
  for (let i = 0; i < n; i++) rows[i] = i;
  return n < FEW ? rows.sort((a, b) => values[a]! - values[b]! || a - b) : radixOrder(values, rows);
}

function radixOrder(values: Float64Array<ArrayBuffer>, rows: Uint32Array<ArrayBuffer>): Uint32Array {
  const n = values.length;
  const upper = upperHalves(values);
  let keys = new Uint32Array(n);
  for (let i = 0; i < n; i++) keys[i] = orderOf(upper[2 * i]!);
  let order = rows;
  let otherKeys = new Uint32Array(n);
  let otherOrder = new Uint32Array(n);
  const starts = new Uint32Array(DIGITS);
  for (let pass = 0; pass < PASSES; pass++) {
    const shift = pass * DIGIT_BITS;
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(keys[i]! >>> shift) & (DIGITS - 1)]!++;
    startsOfCounts(starts);
    for (let i = 0; i < n; i++) {
      const key = keys[i]!;
      const at = starts[(key >>> shift) & (DIGITS - 1)]!++;
      otherKeys[at] = key;
      otherOrder[at] = order[i]!;
    }
    [keys, otherKeys] = [otherKeys, keys];
    [order, otherOrder] = [otherOrder, order];
  }
  for (let start = 0; start < n;) {
    let end = start + 1;
    let ascending = true;
    for (; end < n && keys[end] === keys[start]; end++) {
      ascending &&= values[order[end - 1]!]! <= values[order[end]!]!;
    }
    if (!ascending) {
      const run = order.subarray(start, end);
      if (run.length > SHORT_RUN) run.sort((a, b) => values[a]! - values[b]! || a - b);
      else insertRows(run, values);
    }
    start = end;
  }
  return order;
}

function insertRows(rows: Uint32Array, values: Float64Array): void {
  for (let i = 1; i < rows.length; i++) {
    const row = rows[i]!;
    let at = i;
    while (at > 0 && values[rows[at - 1]!]! > values[row]!) {
      rows[at] = rows[at - 1]!;
      at--;
    }
    rows[at] = row;
  }
}
