/** The part of this library that describes networks, without TensorFlow.js: for services that only check a specification. */
export { NnError } from './nn-error.js';
export { defaultSpec } from './model-spec.js';
export type { ModelSpec } from './model-spec.js';
export { validateSpec } from './spec-validation.js';
export type { SpecContext } from './spec-validation.js';
