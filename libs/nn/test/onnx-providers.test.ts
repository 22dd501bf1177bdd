import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  engineVersion,
  onnxProblem,
  releaseOnnxSessions,
  train,
  useOnnxProviders,
  validateSpec,
} from '@rookery/nn';
import * as runtime from 'onnxruntime-node';
import type { TrainJob } from '@rookery/nn';

afterEach(async () => {
  vi.restoreAllMocks();
  useOnnxProviders(['cpu']);
  await releaseOnnxSessions();
});

const job: TrainJob = {
  spec: validateSpec({ epochs: 2 }, { task: 'classification', inputs: 2, outputs: 2 }),
  features: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i)),
  targets: Int32Array.from({ length: 20 }, (_, i) => i % 2),
  rows: 20,
  width: 2,
  engine: 'onnx',
};

describe('the execution providers of onnxruntime', () => {
  it.each([[['tpu']], [['cpu', 'CUDA']], [[]]])(
    'are refused where there is none of that name: %j',
    (names) => {
      expect(() => useOnnxProviders(names)).toThrow(
        expect.objectContaining({ code: 'RK_BACKEND_UNAVAILABLE', hint: expect.stringContaining('webgpu') }),
      );
    },
  );

  it.each([
    ['cuda', { cuda: 'Failed to load shared library' }],
    ['webgpu', { webgpu: 'Failed to get a WebGPU adapter' }],
  ])(
    'that do not work are told by their name, and no fit falls back to another in silence: %s',
    async (name, failing) => {
      const { create } = runtime.InferenceSession;
      vi.spyOn(runtime.InferenceSession, 'create').mockImplementation(((
        model: Uint8Array,
        options: { executionProviders: string[] },
      ) => {
        const failure = options.executionProviders
          .map((one) => (failing as Record<string, string>)[one])
          .find(Boolean);
        return failure === undefined
          ? create.call(runtime.InferenceSession, model, options)
          : Promise.reject(new Error(failure));
      }) as never);
      useOnnxProviders([name]);
      expect(await onnxProblem()).toMatch(new RegExp(`provider ${name} does not work \\(Failed.*; \\w+`));
      await expect(train(job)).rejects.toMatchObject({
        code: 'RK_BACKEND_UNAVAILABLE',
        message: expect.stringContaining(name),
      });
      const { engineReason, engine } = await train({
        ...job,
        engine: 'auto',
        spec: { ...job.spec, batchSize: 1_000_000 },
      });
      expect(engine).not.toBe('onnx');
      expect(engineReason).toMatch(/few for onnx|passed over/);
    },
  );

  it('stand in the order of preference, the processor last, and with the engine in the record', async () => {
    const asked: unknown[] = [];
    const { create } = runtime.InferenceSession;
    // What a device would do, the processor does here: the test is of what is asked for.
    vi.spyOn(runtime.InferenceSession, 'create').mockImplementation(((model: Uint8Array, options: object) => {
      asked.push((options as { executionProviders: unknown }).executionProviders);
      return create.call(runtime.InferenceSession, model, { ...options, executionProviders: ['cpu'] });
    }) as never);
    useOnnxProviders(['webgpu', 'cuda', 'webgpu']);
    expect((await train(job)).engine).toBe('onnx');
    expect(asked).toEqual([['webgpu'], ['cuda'], ['webgpu', 'cuda', 'cpu']]);
    expect(engineVersion('onnx')).toMatch(/onnxruntime \S+ on webgpu$/);
    useOnnxProviders(['cpu']);
    expect(engineVersion('onnx')).toMatch(/onnxruntime [\d.]+$/);
  });
});
