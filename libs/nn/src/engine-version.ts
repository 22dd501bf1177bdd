import { version_core } from '@tensorflow/tfjs-core';

import { onnxProvidersInUse } from './onnx/onnx-providers.js';
import { onnxThreadsInUse } from './onnx/onnx-threads.js';
import { onnxruntimeVersion } from './onnx/onnx-runtime.js';
import { graphVersion } from './onnx/training-graph.js';
import type { TrainEngine } from './train-engine.js';

/** Version of the loops of the compiled engine: grows where a change alters a bit of a result. */
const compiledVersion = 2;

/**
 * Name and version of what computes, for the record of a run. For 'onnx' the version of the graphs and of onnxruntime: ask
 * in the thread that trained, before that onnxruntime is not loaded and its version unknown.
 */
export function engineVersion(engine: TrainEngine): string {
  if (engine === 'onnx') {
    const [provider] = onnxProvidersInUse();
    const where = provider === 'cpu' ? '' : ` on ${provider}`;
    const threads = onnxThreadsInUse() === 1 ? '' : `, ${onnxThreadsInUse()} threads`;
    return `rookery-onnx ${graphVersion}, onnxruntime ${onnxruntimeVersion() ?? 'not loaded'}${where}${threads}`;
  }
  return engine === 'compiled' ? `rookery-compiled ${compiledVersion}` : `tfjs-core ${version_core}`;
}
