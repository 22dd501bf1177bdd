import { afterEach, describe, expect, it, vi } from 'vitest';
import { engineVersion, releaseOnnxSessions, train, useOnnxThreads, validateSpec } from '@rookery/nn';
import * as runtime from 'onnxruntime-node';
import type { TrainJob } from '@rookery/nn';

afterEach(async () => {
  vi.restoreAllMocks();
  useOnnxThreads(1);
  await releaseOnnxSessions();
});

const [rows, width] = [600, 64];

/** A job whose steps take some ten million multiply-adds, or some thousand. */
function job(units: number): TrainJob {
  const context = { task: 'classification', inputs: width, outputs: 3 } as const;
  return {
    spec: validateSpec({ layers: [{ units }, { units }, {}], epochs: 2, batchSize: 128 }, context),
    features: Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i * 12.9898)),
    targets: Int32Array.from({ length: rows }, (_, i) => i % 3),
    rows,
    width,
    engine: 'onnx',
  };
}

const floats = (weights: Uint8Array): Float32Array => new Float32Array(weights.slice().buffer);

describe('threads of one fit', () => {
  it('give the weights of one thread within float32, and the same bits again', async () => {
    const single = floats((await train(job(256))).model.weights);
    useOnnxThreads(2);
    const first = await train(job(256));
    const again = await train(job(256));
    expect(again.model.weights).toEqual(first.model.weights);
    for (const [i, weight] of floats(first.model.weights).entries())
      expect(weight).toBeCloseTo(single[i]!, 5);
    expect(engineVersion('onnx')).toMatch(/onnxruntime [\d.]+, 2 threads$/);
  });

  it('are taken by large networks alone', async () => {
    const asked: unknown[] = [];
    const { create } = runtime.InferenceSession;
    vi.spyOn(runtime.InferenceSession, 'create').mockImplementation(((model: Uint8Array, options: object) => {
      asked.push((options as { intraOpNumThreads: unknown }).intraOpNumThreads);
      return create.call(runtime.InferenceSession, model, options);
    }) as never);
    await train(job(256));
    useOnnxThreads(3);
    await train(job(256));
    await train(job(8));
    expect(asked).toEqual([1, 3, 1]);
  });

  it.each([0, -1, 1.5, NaN])('cannot be %j', (threads) => {
    expect(() => useOnnxThreads(threads)).toThrow(
      expect.objectContaining({ code: 'RK_BACKEND_UNAVAILABLE', hint: expect.stringContaining('from 1') }),
    );
  });
});
