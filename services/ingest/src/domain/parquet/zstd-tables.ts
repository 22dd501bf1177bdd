/** A table of finite state entropy: by state its symbol, and how the next state is read. */
export interface StateTable {
  /** Bits of the first state. */
  readonly bits: number;
  readonly symbols: Uint8Array;
  readonly counts: Uint8Array;
  readonly bases: Uint16Array;
}

/** The table of a distribution: shares of 2^bits by symbol, -1 for less than one. */
export function tableOf(bits: number, shares: readonly number[]): StateTable {
  const size = 1 << bits;
  const symbols = new Uint8Array(size);
  const next = shares.map((share) => Math.abs(share));
  let high = size;
  shares.forEach((share, symbol) => {
    if (share === -1) symbols[--high] = symbol;
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let at = 0;
  shares.forEach((share, symbol) => {
    for (let count = 0; count < share; count += 1) {
      symbols[at] = symbol;
      do at = (at + step) & (size - 1);
      while (at >= high);
    }
  });
  const counts = new Uint8Array(size);
  const bases = new Uint16Array(size);
  symbols.forEach((symbol, state) => {
    const value = next[symbol]!++;
    counts[state] = bits - (31 - Math.clz32(value));
    bases[state] = (value << counts[state]) - size;
  });
  return { bits, symbols, counts, bases };
}

/** Reads the distribution of a table; throws where it is finer than `finest`, has symbols past `last`, or does not add up. */
export function readTable(
  block: Uint8Array,
  at: number,
  finest: number,
  last: number,
): { table: StateTable; end: number } {
  let position = at * 8;
  const peek = (count: number): number => {
    const byte = position >> 3;
    if (byte >= block.length) throw new Error('a table ends before it is complete');
    const word = block[byte]! | ((block[byte + 1] ?? 0) << 8) | ((block[byte + 2] ?? 0) << 16);
    return (word >> (position & 7)) & ((1 << count) - 1);
  };
  const bits = peek(4) + 5;
  position += 4;
  if (bits > finest) throw new Error('a table is finer than it may be');
  const shares: number[] = [];
  for (let left = 1 << bits; left > 0;) {
    if (shares.length > last) throw new Error('a table has symbols that there are not');
    const width = 32 - Math.clz32(left + 1);
    const low = (1 << (width - 1)) - 1;
    const threshold = (1 << width) - 1 - (left + 1);
    let value = peek(width);
    if ((value & low) < threshold) {
      position += width - 1;
      value &= low;
    } else {
      position += width;
      if (value > low) value -= threshold;
    }
    const share = value - 1;
    left -= Math.abs(share);
    if (left < 0) throw new Error('a table does not add up');
    shares.push(share);
    if (share !== 0) continue;
    for (let repeat = 3; repeat === 3;) {
      repeat = peek(2);
      position += 2;
      for (let count = 0; count < repeat; count += 1) shares.push(0);
    }
  }
  if (shares.length > last + 1) throw new Error('a table has symbols that there are not');
  return { table: tableOf(bits, shares), end: (position + 7) >> 3 };
}

/** Number of bits of a stream that is read from its end: its last byte has a 1 before them. */
export function bitsOf(stream: Uint8Array): number {
  const last = stream[stream.length - 1] ?? 0;
  if (last === 0) throw new Error('a stream of bits has no end');
  return (stream.length - 1) * 8 + (31 - Math.clz32(last));
}
