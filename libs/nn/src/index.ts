export { NnError } from './nn-error.js';
export type { NnErrorCode, NnErrorOptions } from './nn-error.js';
export { defaultSpec, networkTask } from './spec/model-spec.js';
export type {
  EarlyStoppingSpec,
  EmbeddingSpec,
  GivenModel,
  Initializer,
  Loss,
  ModelSize,
  ModelSpec,
  Task,
} from './spec/model-spec.js';
export { activations } from './spec/layer-spec.js';
export type { Activation, LayerSpec } from './spec/layer-spec.js';
export type { OptimizerSpec, ScheduleSpec } from './spec/optimizer-spec.js';
export { modelSpecSchema } from './spec/model-spec-schema.js';
export { validateSpec } from './spec/spec-validation.js';
export type { InputFeature, SpecContext } from './spec/spec-validation.js';
export { countParameters } from './spec-plan.js';
export { backendInUse, backendRequests, resolveBackend, useBackend } from './backends.js';
export type { BackendName, BackendRequest, ResolvedBackend } from './backends.js';
export { train, trainTogether } from './train.js';
export type { EpochResult, TrainHistory, TrainJob, TrainResult } from './train-job.js';
export type { TrainEngine } from './train-engine.js';
export type { TrainedModel, WeightSpec } from './trained-model.js';
export { trainedModelFromProto, trainedModelToProto } from './trained-model-codec.js';
export { loadPredictor } from './predictor.js';
export type { Predictor, PredictorEngine, PredictorOptions } from './predictor.js';
export { tensorMemory } from './tensor-memory.js';
export type { TensorMemory } from './tensor-memory.js';
export { warmUp, warmUpPredictor } from './warm-up.js';
export { engineVersion } from './engine-version.js';
export { onnxProblem, releaseOnnxSessions } from './onnx/onnx-runtime.js';
export { useOnnxProviders } from './onnx/onnx-providers.js';
export { useOnnxThreads } from './onnx/onnx-threads.js';
