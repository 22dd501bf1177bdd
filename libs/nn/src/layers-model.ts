import { io, tensor2d, tidy } from '@tensorflow/tfjs-core';
import { loadLayersModel } from '@tensorflow/tfjs-layers';
import { registerChainedOps } from './layers-api/chained-ops.js';
import { NnError } from './nn-error.js';
import { parseTopology } from './topology/topology-plan.js';
import type { LayersModel } from '@tensorflow/tfjs-layers';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { TrainedModel } from './trained-model.js';

/** Builds the TensorFlow.js model of a trained one, on the backend in use; the caller disposes it. */
export async function openLayersModel(model: TrainedModel): Promise<LayersModel> {
  const { topology, weightSpecs, weights } = model;
  registerChainedOps();
  const modelTopology = parseTopology(topology);
  // A copy: views into a larger buffer would hand over their neighbours too.
  const weightData = new Uint8Array(weights).buffer;
  try {
    return await loadLayersModel(io.fromMemory({ modelTopology, weightSpecs, weightData }));
  } catch (cause) {
    throw new NnError('RK_MODEL_CORRUPT', `TensorFlow.js refuses the model: ${(cause as Error).message}`, {
      cause,
      hint: 'Train or fetch the model again.',
    });
  }
}

/** One forward pass; the result is a tensor that the caller frees. */
export function predictTensor(model: LayersModel, features: Float32Array, rows: number): Tensor {
  const width = features.length / rows;
  return tidy(() => model.predictOnBatch(tensor2d(features, [rows, width])) as Tensor);
}
