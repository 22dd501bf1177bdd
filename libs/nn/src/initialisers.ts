import type { Initializer } from './spec/model-spec.js';
import type { RandomStream } from './random.js';

/** Standard deviation of a normal distribution that is cut off at two deviations. */
const truncatedDeviation = 0.8796256610342398;

/**
 * Fills a kernel of inputs × outputs by a distribution of Keras: variances 2 / (inputs + outputs) for glorot, 2 / inputs for he,
 * 1 / inputs for lecun, 0.05² for random_normal; ±0.05 for random_uniform. Normal distributions of the first three are cut off
 * at two deviations and widened to keep the variance.
 */
export function initialise(
  values: Float32Array,
  initializer: Initializer,
  inputs: number,
  outputs: number,
  random: RandomStream,
): void {
  if (initializer === 'zeros' || initializer === 'ones') {
    values.fill(initializer === 'ones' ? 1 : 0);
    return;
  }
  if (initializer.endsWith('_uniform')) {
    const limit = limitOf(initializer, inputs, outputs);
    for (let i = 0; i < values.length; i += 1) values[i] = (random() * 2 - 1) * limit;
    return;
  }
  const normal = normals(random);
  if (initializer === 'random_normal') {
    for (let i = 0; i < values.length; i += 1) values[i] = normal() * 0.05;
    return;
  }
  const deviation = Math.sqrt(varianceOf(initializer, inputs, outputs)) / truncatedDeviation;
  for (let i = 0; i < values.length; i += 1) {
    let value = normal();
    while (Math.abs(value) > 2) value = normal();
    values[i] = value * deviation;
  }
}

/** Of a uniform distribution: √(3 variance). */
function limitOf(initializer: Initializer, inputs: number, outputs: number): number {
  if (initializer === 'random_uniform') return 0.05;
  if (initializer === 'glorot_uniform') return Math.sqrt(6 / (inputs + outputs));
  return Math.sqrt(3 * varianceOf(initializer, inputs, outputs));
}

function varianceOf(initializer: Initializer, inputs: number, outputs: number): number {
  if (initializer.startsWith('glorot')) return 2 / (inputs + outputs);
  return (initializer.startsWith('he') ? 2 : 1) / inputs;
}

/** Standard normal numbers in pairs (Box and Muller 1958). */
function normals(random: RandomStream): () => number {
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const value = spare;
      spare = undefined;
      return value;
    }
    // 1 − u is never 0, whose logarithm is not finite.
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  };
}
