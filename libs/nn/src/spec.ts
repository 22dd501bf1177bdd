/** The part of this library that describes networks, without TensorFlow.js: for services that only check a specification. */
export { NnError } from './nn-error.js';
export { defaultSpec, networkTask } from './spec/model-spec.js';
export type { ModelSpec } from './spec/model-spec.js';
export { givenSpecSchema } from './spec/given-spec-schema.js';
export { modelSpecSchema } from './spec/model-spec-schema.js';
export { validateSpec } from './spec/spec-validation.js';
export type { InputFeature, SpecContext } from './spec/spec-validation.js';
