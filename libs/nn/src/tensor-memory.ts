import { engine } from '@tensorflow/tfjs-core';

export interface TensorMemory {
  tensors: number;
  dataBuffers: number;
  bytes: number;
}

/**
 * What TensorFlow.js holds in this thread now (the numbers of tf.memory(), readable before a backend is loaded
 * too). A number that grows with requests or jobs is a leak.
 */
export function tensorMemory(): TensorMemory {
  const { numTensors, numDataBuffers, numBytes } = engine().state;
  return { tensors: numTensors, dataBuffers: numDataBuffers, bytes: numBytes };
}
