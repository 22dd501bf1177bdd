/** Row numbers as the little-endian uint32 bytes that a FoldBundle carries. */
export function encodeRowNumbers(rows: Uint32Array): Buffer {
  const bytes = Buffer.allocUnsafe(rows.length * 4);
  for (let i = 0; i < rows.length; i++) bytes.writeUInt32LE(rows[i] ?? 0, i * 4);
  return bytes;
}

/** Reverse of {@link encodeRowNumbers}. Throws a RangeError for a length that is no multiple of four. */
export function decodeRowNumbers(bytes: Uint8Array): Uint32Array {
  if (bytes.byteLength % 4 !== 0)
    throw new RangeError(`${bytes.byteLength} bytes are no list of row numbers`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = new Uint32Array(bytes.byteLength / 4);
  for (let i = 0; i < rows.length; i++) rows[i] = view.getUint32(i * 4, true);
  return rows;
}
