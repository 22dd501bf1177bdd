import { activations } from '../../src/spec/layer-spec.js';

/** Activations that a hidden layer may have. */
export const hiddenActivations = activations.filter((name) => name !== 'softmax');
