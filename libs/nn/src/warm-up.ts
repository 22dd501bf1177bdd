import { defaultSpec } from './spec/model-spec.js';
import { initialParameters, planNetwork } from './network-plan.js';
import { loadPredictor } from './predictor.js';
import { randomStream } from './random.js';
import { topologyOf } from './topology/topology.js';
import { train } from './train.js';
import { encodeWeights } from './weights.js';
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

/**
 * As {@link warmUp}, for a process that loads and asks networks and never fits one: what `loadPredictor` needs is loaded and
 * was run once. Loads no training engine.
 */
export async function warmUpPredictor(backend: BackendName): Promise<void> {
  const width = 6;
  const spec = defaultSpec('classification', width, 3);
  const plan = planNetwork(spec.layers, width, spec.embeddings);
  const parameters = initialParameters(plan, randomStream(spec.seed, 0), spec.initializer);
  const model = {
    format: 'tfjs-layers' as const,
    topology: topologyOf(plan),
    weightSpecs: plan.parameters,
    weights: encodeWeights(parameters),
    spec,
    inputs: width,
    outputs: plan.outputs,
    task: spec.task,
    backend,
  };
  const predictor = await loadPredictor(model, { backend });
  predictor.predict(new Float32Array(width), 1);
  predictor.dispose();
}
