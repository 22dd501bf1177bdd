const block = (type: 0 | 1 | 2, size: number, last: boolean, content: Buffer): Buffer => {
  const head = (size << 3) | (type << 1) | (last ? 1 : 0);
  return Buffer.concat([Buffer.from([head & 255, (head >> 8) & 255, head >> 16]), content]);
};

/** A Zstandard frame of these blocks; `window` is the byte that says how far they may look back. */
export function frame(blocks: readonly Buffer[], window = 0x38): Buffer {
  return Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, window]), ...blocks]);
}

/** A frame whose only block has 98,000 matches of 65,539 bytes and more, by tables of one symbol: 6 GB in 20 bytes. */
export function endlessCopies(): Buffer {
  const literals = Buffer.from([(4 << 3) | 0, 1, 2, 3, 4]);
  const sequences = Buffer.from([255, 255, 255, 0b01_01_01_00, 0, 0, 52, 0, 0, 0, 0x80]);
  const content = Buffer.concat([literals, sequences]);
  return frame([block(2, content.length, true, content)]);
}

/** As above with so many matches that a block may have them, were they short; the stream has bits for all of them. */
export function longMatches(count: number): Buffer {
  const literals = Buffer.from([(4 << 3) | 0, 1, 2, 3, 4]);
  const number = Buffer.from([128 + (count >> 8), count & 255]);
  const head = Buffer.from([0b01_01_01_00, 0, 0, 52]);
  const bits = Buffer.concat([Buffer.alloc(count * 2, 0xff), Buffer.from([1])]);
  const content = Buffer.concat([literals, number, head, bits]);
  return frame([block(2, content.length, true, content)]);
}

/** A frame whose block has one short match after each of many copies of 65,536 literals, of which it has four. */
export function longLiterals(count: number): Buffer {
  const literals = Buffer.from([(4 << 3) | 0, 1, 2, 3, 4]);
  const number = Buffer.from([128 + (count >> 8), count & 255]);
  const head = Buffer.from([0b01_01_01_00, 35, 0, 0]);
  const bits = Buffer.concat([Buffer.alloc(count * 2, 0), Buffer.from([1])]);
  const content = Buffer.concat([literals, number, head, bits]);
  return frame([block(2, content.length, true, content)]);
}

/** A frame of blocks of one repeated byte each: 4 bytes for 128 KiB. */
export function repeatedBytes(blocks: number): Buffer {
  return frame(
    Array.from({ length: blocks }, (_, index) =>
      block(1, 128 * 1024, index === blocks - 1, Buffer.from([7])),
    ),
  );
}

/** A frame with these bytes as they are. */
export function stored(bytes: Buffer, window?: number): Buffer {
  return frame([block(0, bytes.length, true, bytes)], window);
}
