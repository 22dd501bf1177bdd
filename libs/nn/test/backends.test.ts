import { createRequire } from 'node:module';
import { getBackend } from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { backendInUse, resolveBackend, useBackend } from '@rookery/nn';
import type { BackendRequest } from '@rookery/nn';

const installed = (name: string): boolean => {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
};
const anyNative = installed('@tensorflow/tfjs-node-gpu') || installed('@tensorflow/tfjs-node');

describe('the backend', () => {
  it.each(['cpu', 'wasm'] as const)('%s is what it is asked to be, again and again', async (name) => {
    expect(await resolveBackend(name)).toMatchObject({ backend: name, fallbacks: [] });
    await useBackend(name);
    await useBackend(name);
    expect(getBackend()).toBe(name);
    expect(backendInUse()).toBe(name);
  });

  it.skipIf(anyNative)(
    "'auto' is cpu for small work and wasm for large, and says what it passed over",
    async () => {
      const small = await resolveBackend('auto', { parameters: 215, batchSize: 32 });
      const large = await resolveBackend('auto', { parameters: 500_000, batchSize: 128 });
      expect(small).toMatchObject({ backend: 'cpu', reason: expect.stringContaining('215 parameters') });
      expect(large.backend).toBe('wasm');
      expect((await resolveBackend('auto')).backend).toBe('cpu');
      expect(small.fallbacks).toEqual([
        expect.stringMatching(/^gpu: @tensorflow\/tfjs-node-gpu is not installed/),
        expect.stringMatching(/^node: @tensorflow\/tfjs-node is not installed/),
      ]);
    },
  );

  it.skipIf(anyNative).each(['gpu', 'node'] as const)(
    '%s that is not installed is refused with what to install',
    async (name) => {
      const refusal = {
        code: 'RK_BACKEND_UNAVAILABLE',
        hint: expect.stringContaining('npm install @tensorflow/tfjs-node'),
      };
      await expect(resolveBackend(name)).rejects.toMatchObject(refusal);
      await expect(useBackend(name)).rejects.toMatchObject(refusal);
    },
  );

  it('that does not exist is refused', async () => {
    await expect(resolveBackend('tpu' as BackendRequest)).rejects.toMatchObject({
      code: 'RK_BACKEND_UNAVAILABLE',
    });
  });
});
