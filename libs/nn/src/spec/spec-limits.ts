import type { Range } from './spec-fields.js';

/**
 * What numbers, lists and texts of a specification may be: the validation refuses by it, and the JSON Schema
 * (`modelSpecSchema`) is written from it.
 */
export const limits = {
  epochs: { min: 1, max: 100_000, integer: true },
  batchSize: { min: 1, max: 1_000_000, integer: true },
  validationSplit: { min: 0, max: 0.9 },
  seed: { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true },
  classWeight: { min: 0, max: 1e6 },
  positiveWeight: { min: 0, max: 1e6, open: true },
  stoppingEpochs: { min: 0, max: 100_000, integer: true },
  minDelta: { min: 0, max: 1e9 },
  units: { min: 1, max: 65_536, integer: true },
  dropoutRate: { min: 0, max: 0.95 },
  /** Momenta, decays and epsilons. */
  unit: { min: 0, max: 1, open: true },
  penalty: { min: 0, max: 1_000 },
  vocabulary: { min: 1, max: 100_000, integer: true },
  dimension: { min: 1, max: 512, integer: true },
  learningRate: { min: 0, max: 100, open: true },
  sgdMomentum: { min: 0, max: 0.9999 },
  share: { min: 0, max: 1 },
  /** Norms and values to clip at, and steps of a decay. */
  positive: { min: 0, max: 1e9, open: true },
  decayRate: { min: 0, max: 1.0001, open: true },
  warmupSteps: { min: 0, max: 1e9 },
  warmupFrom: { min: 0, max: 100 },
  boundary: { min: 0, max: 1e9 },
} as const satisfies Record<string, Range>;

/** Most items of lists. */
export const mostItems = { layers: 64, embeddings: 256, numbers: 1_000 } as const;

/** Most bytes of a given model's weights, in base64: an event bears a megabyte. */
export const mostWeights = 600_000;

/** Kinds of layers, the one that is meant where none is named first. */
export const layerKinds = ['dense', 'dropout', 'batch_norm', 'layer_norm', 'activation', 'residual'] as const;

/** Kinds of optimizers, likewise; 'momentum' is SGD with a momentum of 0.9. */
export const optimizerKinds = ['sgd', 'momentum', 'rmsprop', 'adam', 'adamw'] as const;

/** Ways to clip gradients: one of them at most. */
export const clippings = ['clipNorm', 'globalClipNorm', 'clipValue'] as const;

/** What early stopping may watch. */
export const monitors = ['val_loss', 'val_metric', 'loss', 'metric'] as const;

/** Fields of a given model: our own, and what a model.json and Keras's to_json have at the same place. */
export const modelFields = [
  'topology',
  'weights',
  'modelTopology',
  'class_name',
  'config',
  'module',
  'registered_name',
  'build_config',
  'compile_config',
  'keras_version',
  'backend',
  'format',
  'generatedBy',
  'convertedBy',
] as const;
