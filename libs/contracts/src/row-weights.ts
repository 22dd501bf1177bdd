/** Row weights as the little-endian float32 bytes that a FoldBundle carries. */
export function encodeRowWeights(weights: Float32Array): Buffer {
  const bytes = Buffer.allocUnsafe(weights.length * 4);
  for (let i = 0; i < weights.length; i++) bytes.writeFloatLE(weights[i]!, i * 4);
  return bytes;
}

/** Reverse of {@link encodeRowWeights}; undefined for no bytes: every row counts once. */
export function decodeRowWeights(bytes: Uint8Array): Float32Array | undefined {
  if (bytes.byteLength === 0) return undefined;
  if (bytes.byteLength % 4 !== 0)
    throw new RangeError(`${bytes.byteLength} bytes are no list of row weights`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const weights = new Float32Array(bytes.byteLength / 4);
  for (let i = 0; i < weights.length; i++) weights[i] = view.getFloat32(i * 4, true);
  return weights;
}
