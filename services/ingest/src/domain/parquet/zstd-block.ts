import { bitsOf, readTable, tableOf } from './zstd-tables.js';
import type { StateTable } from './zstd-tables.js';

/** What a block may unpack to, at most. */
const mostOfBlock = 128 * 1024;
const shortestMatch = 3;

/** Tables that a block may take over from the one before it. */
export interface SequenceTables {
  literals?: StateTable;
  offsets?: StateTable;
  matches?: StateTable;
}

const literalBits = Uint8Array.of(
  ...Array<number>(16).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const literalBase = Uint32Array.of(
  ...Array.from({ length: 16 }, (_, code) => code),
  ...[16, 18, 20, 22, 24, 28, 32, 40, 48, 64],
  ...Array.from({ length: 10 }, (_, index) => 128 << index),
);
const matchBits = Uint8Array.of(
  ...Array<number>(32).fill(0),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);
const matchBase = Uint32Array.of(
  ...Array.from({ length: 32 }, (_, code) => code + shortestMatch),
  ...[35, 37, 39, 41, 43, 47, 51, 59, 67, 83, 99, 131, 259, 515, 1027, 2051, 4099, 8195, 16387, 32771, 65539],
);

/** The three kinds of codes: their distribution where none is given, the finest table, the last symbol. */
const kinds = {
  literals: {
    standard: tableOf(
      6,
      [
        4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1,
        -1, -1, -1,
      ],
    ),
    finest: 9,
    last: 35,
  },
  offsets: {
    standard: tableOf(5, [
      ...[1, 1, 1, 1, 1, 1, 2, 2, 2],
      ...Array<number>(15).fill(1),
      ...Array<number>(5).fill(-1),
    ]),
    finest: 8,
    last: 31,
  },
  matches: {
    standard: tableOf(6, [
      1,
      4,
      3,
      2,
      2,
      2,
      2,
      2,
      2,
      ...Array<number>(37).fill(1),
      ...Array<number>(7).fill(-1),
    ]),
    finest: 9,
    last: 52,
  },
} as const;

/**
 * What a compressed block unpacks to: all its literals, and the length of every match. The decoder trusts a block not to say more
 * than a block may hold, and copy for hours where a few bytes say so: this stops there. Throws an Error for a damaged block.
 */
export function blockContentSize(block: Uint8Array, tables: SequenceTables): number {
  const view = new DataView(block.buffer, block.byteOffset, block.byteLength);
  const { literals, end } = literalsOf(view);
  let at = end;
  let sequences = view.getUint8(at++);
  if (sequences === 255) {
    sequences = view.getUint16(at, true) + 0x7f00;
    at += 2;
  } else if (sequences > 127) sequences = ((sequences - 128) << 8) + view.getUint8(at++);
  let size = literals;
  if (sequences > 0) {
    if (sequences * shortestMatch > mostOfBlock) throw tooLarge();
    const modes = view.getUint8(at++);
    for (const [shift, kind] of [
      [6, 'literals'],
      [4, 'offsets'],
      [2, 'matches'],
    ] as const)
      at = takeTable(block, at, (modes >> shift) & 3, kind, tables);
    size += matchesOf(block.subarray(at), sequences, literals, tables);
  }
  if (size > mostOfBlock) throw tooLarge();
  return size;
}

function literalsOf(view: DataView): { literals: number; end: number } {
  const first = view.getUint8(0);
  const format = (first >> 2) & 3;
  if ((first & 2) === 0) {
    const bytes = (format & 1) === 0 ? 1 : format === 1 ? 2 : 3;
    const size = bytes === 1 ? first >> 3 : numberAt(view, 0, bytes) >> 4;
    return { literals: bounded(size), end: bytes + ((first & 3) === 1 ? 1 : size) };
  }
  const [bytes, bits] = (
    [
      [3, 10],
      [3, 10],
      [4, 14],
      [5, 18],
    ] as const
  )[format]!;
  const head = Math.floor(numberAt(view, 0, bytes) / 16);
  const packed = Math.floor(head / 2 ** bits);
  return { literals: bounded(head % 2 ** bits), end: bytes + packed };
}

/** Takes the table of one kind as the mode says, and returns where the block goes on. */
function takeTable(
  block: Uint8Array,
  at: number,
  mode: number,
  kind: keyof typeof kinds,
  tables: SequenceTables,
): number {
  const { standard, finest, last } = kinds[kind];
  if (mode === 3) {
    if (tables[kind] === undefined) throw new Error('a block repeats a table that is not there');
    return at;
  }
  if (mode === 2) {
    const { table, end } = readTable(block, at, finest, last);
    tables[kind] = table;
    return end;
  }
  if (mode === 0) {
    tables[kind] = standard;
    return at;
  }
  const symbol = block[at] ?? Infinity;
  if (symbol > last) throw new Error('a block has a code that there is not');
  tables[kind] = {
    bits: 0,
    symbols: Uint8Array.of(symbol),
    counts: Uint8Array.of(0),
    bases: Uint16Array.of(0),
  };
  return at + 1;
}

/** Length of all matches of a stream of sequences, as far as a block may go; they copy `most` literals between them. */
function matchesOf(stream: Uint8Array, sequences: number, most: number, tables: SequenceTables): number {
  const { literals, offsets, matches } = tables;
  if (!literals || !offsets || !matches) throw new Error('a block has sequences without tables');
  let left = bitsOf(stream);
  // With zeros behind it, so that a word can be read from its last byte on.
  const bytes = new Uint8Array(stream.length + 4);
  bytes.set(stream);
  /** The next bits as a number: 25 at most, which is what a word holds from any bit on. Before the first bit there are zeros. */
  const read = (count: number): number => {
    left -= count;
    if (left < 0) return 0;
    const at = left >> 3;
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    return (word >>> (left & 7)) & ((1 << count) - 1);
  };
  let literal = read(literals.bits);
  let offset = read(offsets.bits);
  let match = read(matches.bits);
  let size = 0;
  let copied = 0;
  for (let rest = sequences; rest > 0; rest -= 1) {
    const code = matches.symbols[match]!;
    // Of the offset only the place counts.
    left -= offsets.symbols[offset]!;
    size += matchBase[code]! + read(matchBits[code]!);
    const taken = literals.symbols[literal]!;
    copied += literalBase[taken]! + read(literalBits[taken]!);
    if (size > mostOfBlock) throw tooLarge();
    if (copied > most) throw new Error('a block copies more literals than it has');
    if (left < 0) throw new Error('a stream of bits is too short for its sequences');
    if (rest === 1) break;
    literal = literals.bases[literal]! + read(literals.counts[literal]!);
    match = matches.bases[match]! + read(matches.counts[match]!);
    offset = offsets.bases[offset]! + read(offsets.counts[offset]!);
  }
  return size;
}

function numberAt(view: DataView, at: number, bytes: number): number {
  let value = 0;
  for (let index = bytes - 1; index >= 0; index -= 1) value = value * 256 + view.getUint8(at + index);
  return value;
}

function bounded(size: number): number {
  if (size > mostOfBlock) throw tooLarge();
  return size;
}

function tooLarge(): Error {
  return new Error('a block unpacks to more than a block may hold');
}
