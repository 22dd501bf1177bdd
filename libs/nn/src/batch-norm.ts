/** What the backward pass of a batch norm needs from its forward pass. */
export interface BatchNormState {
  normalised: Float32Array;
  inverseDeviation: Float32Array;
}

export interface BatchNormParameters {
  gamma: ArrayLike<number>;
  beta: ArrayLike<number>;
  /** Updated in place: momentum × moving + (1 − momentum) × the batch's. */
  movingMean: Float32Array;
  movingVariance: Float32Array;
  momentum: number;
  epsilon: number;
}

/** Forward pass on a batch (Ioffe & Szegedy 2015, with the population variance, as Keras): returns γ x̂ + β. */
export function batchNormForward(
  input: ArrayLike<number>,
  rows: number,
  width: number,
  parameters: BatchNormParameters,
): { output: Float32Array; state: BatchNormState } {
  const { gamma, beta, movingMean, movingVariance, momentum, epsilon } = parameters;
  const output = new Float32Array(rows * width);
  const normalised = new Float32Array(rows * width);
  const inverseDeviation = new Float32Array(width);
  for (let j = 0; j < width; j += 1) {
    let sum = 0;
    for (let i = 0; i < rows; i += 1) sum += input[i * width + j]!;
    const mean = sum / rows;
    let squares = 0;
    for (let i = 0; i < rows; i += 1) squares += (input[i * width + j]! - mean) ** 2;
    const variance = squares / rows;
    const inverse = 1 / Math.sqrt(variance + epsilon);
    inverseDeviation[j] = inverse;
    movingMean[j] = movingMean[j]! * momentum + mean * (1 - momentum);
    movingVariance[j] = movingVariance[j]! * momentum + variance * (1 - momentum);
    for (let i = 0; i < rows; i += 1) {
      const at = i * width + j;
      const value = (input[at]! - mean) * inverse;
      normalised[at] = value;
      output[at] = gamma[j]! * value + beta[j]!;
    }
  }
  return { output, state: { normalised, inverseDeviation } };
}

/** Gradients with respect to γ, β and the input; the batch's mean and variance are functions of the input too. */
export function batchNormBackward(
  upstream: ArrayLike<number>,
  rows: number,
  width: number,
  gamma: ArrayLike<number>,
  state: BatchNormState,
): { input: Float32Array; gamma: Float32Array; beta: Float32Array } {
  const input = new Float32Array(rows * width);
  const dGamma = new Float32Array(width);
  const dBeta = new Float32Array(width);
  for (let j = 0; j < width; j += 1) {
    let sum = 0;
    let weighted = 0;
    for (let i = 0; i < rows; i += 1) {
      const at = i * width + j;
      sum += upstream[at]!;
      weighted += upstream[at]! * state.normalised[at]!;
    }
    dBeta[j] = sum;
    dGamma[j] = weighted;
    const factor = (gamma[j]! * state.inverseDeviation[j]!) / rows;
    for (let i = 0; i < rows; i += 1) {
      const at = i * width + j;
      input[at] = factor * (rows * upstream[at]! - sum - state.normalised[at]! * weighted);
    }
  }
  return { input, gamma: dGamma, beta: dBeta };
}
