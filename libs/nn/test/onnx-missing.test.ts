import { describe, expect, it, vi } from 'vitest';
import { defaultSpec, engineVersion, train, validateSpec } from '@rookery/nn';

vi.mock('onnxruntime-node', () => {
  throw new Error('there is no binary for this platform');
});

const rows = 64;
const data = {
  rows,
  width: 4,
  features: Float32Array.from({ length: rows * 4 }, (_, i) => Math.sin(i)),
  targets: Int32Array.from({ length: rows }, (_, row) => row % 3),
  backend: 'cpu',
} as const;

describe('without onnxruntime', () => {
  it("'auto' fits a large network with the compiled engine, and says why", async () => {
    const layers = [{ units: 300 }, { units: 300 }, {}];
    const spec = validateSpec({ layers, epochs: 1 }, { task: 'classification', inputs: 4, outputs: 3 });
    const result = await train({ spec, ...data });
    expect(result.engine).toBe('compiled');
    expect(result.engineReason).toMatch(/onnxruntime/);
    const compiled = await train({ spec, ...data, engine: 'compiled' });
    expect(result.model).toEqual(compiled.model);
  });

  it("'onnx' is refused, with what to do", async () => {
    const fit = train({ spec: defaultSpec('classification', 4, 3), ...data, engine: 'onnx' });
    await expect(fit).rejects.toMatchObject({
      code: 'RK_BACKEND_UNAVAILABLE',
      hint: expect.stringContaining('auto'),
    });
    expect(engineVersion('onnx')).toMatch(/not loaded/);
  });
});
