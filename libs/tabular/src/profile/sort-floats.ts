/** Fewer numbers than this are sorted by the engine's own sort. */
const FEW = 2048;

/** Memory for sorting lists of up to a length one after the other: allocating and freeing it takes longer than sorting. */
export interface SortScratch {
  readonly first: Float64Array<ArrayBuffer>;
  readonly second: Float64Array<ArrayBuffer>;
}

/** Scratch memory for lists of up to this length. */
export function sortScratch(length: number): SortScratch {
  return { first: new Float64Array(length), second: new Float64Array(length < FEW ? 0 : length) };
}

/**
 * The finite numbers among the values, ascending, −0 before 0: as `values.filter(Number.isFinite).sort()`, several times
 * faster for many. With scratch memory the result lies in it, until it is used again.
 */
export function sortedFinite(values: Float64Array, scratch?: SortScratch): Float64Array {
  const memory = enough(values.length, scratch);
  const finite = memory.first;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    finite[n] = value;
    // Neither NaN nor infinite: of these, x − x is not 0. The place of any other is written over by the next.
    if (value - value === 0) n++;
  }
  return sorted(n, memory);
}

/** The values that are not NaN, ascending: as `values.filter((value) => !Number.isNaN(value)).sort()`. */
export function sortedNumbers(values: Float64Array, scratch?: SortScratch): Float64Array {
  const memory = enough(values.length, scratch);
  const numbers = memory.first;
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isNaN(value)) numbers[n++] = value;
  }
  return sorted(n, memory);
}

function enough(length: number, scratch?: SortScratch): SortScratch {
  return scratch !== undefined && scratch.first.length >= length ? scratch : sortScratch(length);
}

function sorted(n: number, { first, second }: SortScratch): Float64Array {
  const numbers = first.subarray(0, n);
  return n < FEW ? numbers.sort() : radixSorted(numbers, second.subarray(0, n));
}

export const DIGIT_BITS = 11;
export const DIGITS = 1 << DIGIT_BITS;
/** Digits of the upper 32 bits: sign, exponent and the first 20 bits of the mantissa. */
export const PASSES = 3;
/** Runs of numbers that begin with the same 32 bits are put in order by insertion up to this length. */
export const SHORT_RUN = 24;

/** A radix sort by the upper half of the bits; the few numbers that share it are put in order after that. */
function radixSorted(values: Float64Array<ArrayBuffer>, other: Float64Array<ArrayBuffer>): Float64Array {
  const n = values.length;
  let [from, to] = [values, other];
  const counts = new Uint32Array(PASSES * DIGITS);
  let upper = upperHalves(from);
  for (let i = 0; i < n; i++) {
    const key = orderOf(upper[2 * i]!);
    counts[key & (DIGITS - 1)]!++;
    counts[DIGITS + ((key >>> DIGIT_BITS) & (DIGITS - 1))]!++;
    counts[2 * DIGITS + (key >>> (2 * DIGIT_BITS))]!++;
  }
  for (let pass = 0; pass < PASSES; pass++) {
    const shift = pass * DIGIT_BITS;
    const starts = counts.subarray(pass * DIGITS, (pass + 1) * DIGITS);
    // A digit that all numbers share moves none of them.
    if (starts[(orderOf(upper[0]!) >>> shift) & (DIGITS - 1)] === n) continue;
    startsOfCounts(starts);
    for (let i = 0; i < n; i++) {
      const digit = (orderOf(upper[2 * i]!) >>> shift) & (DIGITS - 1);
      to[starts[digit]!++] = from[i]!;
    }
    [from, to] = [to, from];
    upper = upperHalves(from);
  }
  for (let start = 0; start < n;) {
    let end = start + 1;
    let ascending = true;
    for (; end < n && upper[2 * end] === upper[2 * start]; end++) ascending &&= from[end - 1]! <= from[end]!;
    // Most such runs are one number many times.
    if (!ascending) {
      if (end - start > SHORT_RUN) from.subarray(start, end).sort();
      else insertionSort(from, start, end);
    }
    start = end;
  }
  return from;
}

/** Makes of how often each digit comes where its first number goes. */
export function startsOfCounts(counts: Uint32Array): void {
  let sum = 0;
  for (let digit = 0; digit < DIGITS; digit++) {
    const count = counts[digit]!;
    counts[digit] = sum;
    sum += count;
  }
}

/** The upper 32 bits of the numbers, at every second place. */
export function upperHalves(values: Float64Array<ArrayBuffer>): Uint32Array {
  const first = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 4 : 0;
  return new Uint32Array(values.buffer, values.byteOffset + first, 2 * values.length - 1);
}

/** Upper halves in the order of the numbers: all bits flipped below zero, the sign else. */
export function orderOf(upper: number): number {
  return (upper ^ (((upper | 0) >> 31) | 0x80000000)) >>> 0;
}

function insertionSort(values: Float64Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const value = values[i]!;
    let at = i;
    while (at > start && values[at - 1]! > value) {
      values[at] = values[at - 1]!;
      at--;
    }
    values[at] = value;
  }
}
