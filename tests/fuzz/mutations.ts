import fc from 'fast-check';

import { nastyTexts, nested } from './nasty.js';

const interestingBytes = [0, 1, 0x0a, 0x0d, 0x22, 0x2c, 0x5b, 0x7b, 0x7f, 0x80, 0xc0, 0xed, 0xfe, 0xff];
const interestingWords = [
  0, 1, 2, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
];

const pieces: readonly Uint8Array[] = [
  ...nastyTexts.map((text) => Buffer.from(text, 'utf8')),
  Buffer.from([0xed, 0xa0, 0x80]), // a lone surrogate in UTF-8
  Buffer.from([0xc0, 0x80]), // an overlong NUL
  Buffer.from([0xef, 0xbb, 0xbf]),
  Buffer.alloc(12, 0xff), // a varint without an end
  Buffer.alloc(64),
  Buffer.from('PAR1'),
  Buffer.from('ARROW1'),
  Buffer.from('\n{"a":1,"a":2}\n'),
  Buffer.from(nested(200)),
  Buffer.from(nested(200, '{"a":', '}')),
];

type Mutation = readonly [kind: number, at: number, size: number, value: number];

/**
 * Bytes made of `seeds` by up to eight cuts, flips, insertions, repetitions and overwritten lengths; they shrink to
 * fewer of them.
 */
export function mutatedOf(seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const position = fc.nat({ max: 0xffffff });
  const mutation = fc.tuple(
    fc.nat({ max: 9 }),
    position,
    fc.oneof(fc.nat({ max: 8 }), fc.nat({ max: 4096 })),
    position,
  );
  return fc
    .tuple(fc.nat({ max: seeds.length - 1 }), fc.array(mutation, { maxLength: 8 }))
    .map(([seed, mutations]) => {
      let bytes = Buffer.from(seeds[seed]!);
      for (const step of mutations) bytes = mutate(bytes, step, seeds);
      return new Uint8Array(bytes);
    });
}

function mutate(
  bytes: Buffer<ArrayBuffer>,
  [kind, place, size, value]: Mutation,
  seeds: readonly Uint8Array[],
): Buffer<ArrayBuffer> {
  // Half of all from the end: that is where footers stand.
  const at =
    bytes.length === 0
      ? 0
      : value % 2 === 0
        ? place % bytes.length
        : bytes.length - 1 - (place % Math.min(bytes.length, 512));
  const end = Math.min(bytes.length, at + size + 1);
  const pick = <T>(from: readonly T[]): T => from[value % from.length]!;
  const insert = (piece: Uint8Array): Buffer<ArrayBuffer> =>
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  switch (kind) {
    case 0:
      if (bytes.length > 0) bytes[at]! ^= 1 << (value % 8);
      return bytes;
    case 1:
      if (bytes.length > 0) bytes[at] = pick(interestingBytes);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
    case 4:
      return insert(bytes.subarray(at, end));
    case 5:
      return insert(pick(pieces));
    case 6: {
      const word = pick(interestingWords);
      const aligned = at & ~3;
      if (aligned + 4 <= bytes.length) {
        if (size % 3 === 0) bytes.writeUInt32BE(word, aligned);
        else bytes.writeUInt32LE(word, aligned);
      }
      return bytes;
    }
    case 7: {
      const other = pick(seeds);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(place % Math.max(1, other.length))]);
    }
    case 8:
      if (bytes.length > 0) bytes[at] = value & 0xff;
      return bytes;
    default: {
      let grown = bytes;
      const part = bytes.subarray(at, Math.min(end, at + 64));
      for (let i = 0; i < size % 32; i++) grown = Buffer.concat([grown, part]);
      return grown;
    }
  }
}
