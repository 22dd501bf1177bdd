/** Activations that a hidden layer may have. */
export const hiddenActivations = [
  'linear',
  'relu',
  'sigmoid',
  'tanh',
  'elu',
  'selu',
  'gelu',
  'silu',
  'softplus',
  'leaky_relu',
] as const;
