import { expect, it } from 'vitest';
import { backendInUse, tensorMemory, warmUpPredictor } from '@rookery/nn';
import { onnxruntimeVersion } from '../src/onnx/onnx-runtime.js';

it('warming for prediction alone loads the backend, no training engine, and holds nothing', async () => {
  await warmUpPredictor('cpu');
  expect(backendInUse()).toBe('cpu');
  expect(onnxruntimeVersion()).toBeUndefined();
  expect(tensorMemory().tensors).toBe(0);
});
