import { NnError } from './nn-error.js';
import { sizeOf } from './network-plan.js';
import type { WeightSpec } from './trained-model.js';

/** Little-endian float32 bytes of the parameters, in order, whatever the byte order of the machine. */
export function encodeWeights(parameters: readonly Float32Array[]): Uint8Array {
  const bytes = new Uint8Array(parameters.reduce((sum, values) => sum + values.length * 4, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const values of parameters) {
    for (let i = 0; i < values.length; i += 1, offset += 4) view.setFloat32(offset, values[i]!, true);
  }
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
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  return specs.map((spec) => {
    const values = new Float32Array(sizeOf(spec));
    for (let i = 0; i < values.length; i += 1, offset += 4) {
      const value = view.getFloat32(offset, true);
      if (!Number.isFinite(value)) {
        throw new NnError(
          'RK_MODEL_CORRUPT',
          `Weight ${i} of ${spec.name} is ${value}, not a finite number.`,
          {
            details: { weight: spec.name, index: String(i) },
            hint: 'The fit diverged or the bytes were damaged: train or fetch the model again.',
          },
        );
      }
      values[i] = value;
    }
    return values;
  });
}
