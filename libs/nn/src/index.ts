export { NnError } from './nn-error.js';
export type { NnErrorCode, NnErrorOptions } from './nn-error.js';
export { activations, countParameters, defaultSpec } from './model-spec.js';
export type {
  Activation,
  BatchNormLayer,
  DenseLayer,
  DropoutLayer,
  LayerSpec,
  Loss,
  ModelSize,
  ModelSpec,
  OptimizerSpec,
  Task,
} from './model-spec.js';
export { validateSpec } from './spec-validation.js';
export type { SpecContext } from './spec-validation.js';
export { backendInUse, backendRequests, resolveBackend, useBackend } from './backends.js';
export type { BackendName, BackendRequest, ResolvedBackend } from './backends.js';
export { train } from './train.js';
export type { EpochResult, TrainJob, TrainResult } from './train.js';
export type { TrainEngine } from './train-engine.js';
export type { TrainedModel, WeightSpec } from './trained-model.js';
export { trainedModelFromProto, trainedModelToProto } from './trained-model-codec.js';
export { loadPredictor } from './predictor.js';
export type { Predictor, PredictorEngine, PredictorOptions } from './predictor.js';
export { tensorMemory } from './tensor-memory.js';
export type { TensorMemory } from './tensor-memory.js';
export { warmUp } from './warm-up.js';
export { engineVersion } from './engine-version.js';
export { releaseOnnxSessions } from './onnx/onnx-runtime.js';
