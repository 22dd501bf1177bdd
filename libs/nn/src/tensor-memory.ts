import { memory } from '@tensorflow/tfjs-core';

export interface TensorMemory {
  tensors: number;
  dataBuffers: number;
  bytes: number;
}

/** What TensorFlow.js holds in this thread now. A number that grows with requests or jobs is a leak. */
export function tensorMemory(): TensorMemory {
  const { numTensors, numDataBuffers, numBytes } = memory();
  return { tensors: numTensors, dataBuffers: numDataBuffers, bytes: numBytes };
}
