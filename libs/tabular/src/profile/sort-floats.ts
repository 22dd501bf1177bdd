/** Fewer numbers than this are sorted by the engine's own sort. */
const FEW = 2048;

/**
 * The finite numbers among the values, ascending, −0 before 0: as `values.filter(Number.isFinite).sort()`, several times
 * faster for many (a radix sort by bytes of their bits).
 */
export function sortedFinite(values: Float64Array): Float64Array {
  const finite = new Float64Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // Neither NaN nor infinite: of these, x − x is not 0.
    if (value - value === 0) finite[n++] = value;
  }
  return sorted(finite.subarray(0, n));
}

/** The values that are not NaN, ascending: as `values.filter((value) => !Number.isNaN(value)).sort()`. */
export function sortedNumbers(values: Float64Array): Float64Array {
  const numbers = new Float64Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isNaN(value)) numbers[n++] = value;
  }
  return sorted(numbers.subarray(0, n));
}

function sorted(numbers: Float64Array<ArrayBuffer>): Float64Array {
  return numbers.length < FEW ? numbers.sort() : radixSorted(numbers);
}

function radixSorted(values: Float64Array<ArrayBuffer>): Float64Array {
  const n = values.length;
  let from = new Uint32Array(values.buffer, values.byteOffset, 2 * n);
  let to = new Uint32Array(2 * n);
  const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
  const high = 1 - low;
  const counts = new Uint32Array(8 * 256);
  // Bits whose unsigned order is the order of the numbers: all flipped below zero, the sign else.
  for (let i = 0; i < 2 * n; i += 2) {
    const sign = from[i + high]! >>> 31;
    const l = sign === 1 ? ~from[i + low]! : from[i + low]!;
    const h = sign === 1 ? ~from[i + high]! : from[i + high]! ^ 0x80000000;
    from[i + low] = l;
    from[i + high] = h;
    counts[l & 255]!++;
    counts[256 + ((l >>> 8) & 255)]!++;
    counts[512 + ((l >>> 16) & 255)]!++;
    counts[768 + (l >>> 24)]!++;
    counts[1024 + (h & 255)]!++;
    counts[1280 + ((h >>> 8) & 255)]!++;
    counts[1536 + ((h >>> 16) & 255)]!++;
    counts[1792 + (h >>> 24)]!++;
  }
  const starts = new Uint32Array(256);
  for (let digit = 0; digit < 8; digit++) {
    const word = digit < 4 ? low : high;
    const shift = (digit & 3) * 8;
    const base = digit * 256;
    // A byte that all numbers share moves none of them.
    if (counts[base + ((from[word]! >>> shift) & 255)] === n) continue;
    let sum = 0;
    for (let value = 0; value < 256; value++) {
      starts[value] = sum;
      sum += counts[base + value]!;
    }
    for (let i = 0; i < 2 * n; i += 2) {
      const at = 2 * starts[(from[i + word]! >>> shift) & 255]!++;
      to[at] = from[i]!;
      to[at + 1] = from[i + 1]!;
    }
    [from, to] = [to, from];
  }
  for (let i = 0; i < 2 * n; i += 2) {
    const positive = from[i + high]! >>> 31;
    from[i + low] = positive === 1 ? from[i + low]! : ~from[i + low]!;
    from[i + high] = positive === 1 ? from[i + high]! ^ 0x80000000 : ~from[i + high]!;
  }
  return new Float64Array(from.buffer, from.byteOffset, n);
}
