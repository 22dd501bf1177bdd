import { defaultSpec } from './spec/model-spec.js';
import { loadPredictor } from './predictor.js';
import { train } from './train.js';
import type { BackendName } from './backends.js';
import type { TrainEngine } from './train-engine.js';

/**
 * Loads the backend and runs one small fit and one prediction through the code paths of a real job, so that a
 * worker's first job finds them compiled. Holds nothing afterwards. Takes about as long as it saves: call it
 * while the worker is idle. `engine` is the one to warm, 'onnx' also loads onnxruntime. RK_BACKEND_UNAVAILABLE as `useBackend`.
 */
export async function warmUp(backend: BackendName, engine: TrainEngine | 'auto' = 'auto'): Promise<void> {
  const rows = 64;
  const width = 6;
  const features = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
  const targets = Int32Array.from({ length: rows }, (_, row) => row % 3);
  const spec = { ...defaultSpec('classification', width, 3), epochs: 10 };
  const { model } = await train({ spec, features, rows, width, targets, backend, engine });
  const predictor = await loadPredictor(model, { backend });
  predictor.predict(features, rows);
  predictor.dispose();
}
