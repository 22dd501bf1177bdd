import { endianness } from 'node:os';

import { firstNotFinite } from './finite.js';
import { sizeOf } from './network-plan.js';
import { NnError } from './nn-error.js';
import type { WeightSpec } from './trained-model.js';

/** Little-endian float32 bytes of the parameters, in order, whatever the byte order of the machine. */
export function encodeWeights(parameters: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(parameters.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const { buffer, byteOffset, byteLength } of parameters) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
  }
  swapOnBigEndian(bytes);
  return bytes;
}

/**
 * The parameters in `bytes`, copied. Refuses with RK_MODEL_CORRUPT a length that is not that of the specs and a
 * number that is not finite: such a model would answer NaN.
 */
export function decodeWeights(specs: readonly WeightSpec[], bytes: Uint8Array): Float32Array[] {
  const expected = specs.reduce((sum, spec) => sum + sizeOf(spec) * 4, 0);
  if (bytes.byteLength !== expected) {
    throw new NnError(
      'RK_MODEL_CORRUPT',
      `The model's weights are ${bytes.byteLength} bytes; its topology needs ${expected}.`,
      {
        details: { bytes: String(bytes.byteLength), expected: String(expected) },
        hint: 'Train or fetch the model again.',
      },
    );
  }
  let offset = 0;
  return specs.map((spec) => {
    // A copy begins where a float may begin, which a part of a message need not. A Buffer's own slice is no copy.
    const own = new Uint8Array(bytes.subarray(offset, offset + sizeOf(spec) * 4));
    offset += own.byteLength;
    swapOnBigEndian(own);
    const values = new Float32Array(own.buffer);
    const bad = firstNotFinite(values);
    if (bad < 0) return values;
    throw new NnError(
      'RK_MODEL_CORRUPT',
      `Weight ${bad} of ${spec.name} is ${values[bad]}, not a finite number.`,
      {
        details: { weight: spec.name, index: String(bad) },
        hint: 'The fit diverged or the bytes were damaged: train or fetch the model again.',
      },
    );
  });
}

function swapOnBigEndian(bytes: Uint8Array): void {
  if (endianness() === 'BE') Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).swap32();
}
