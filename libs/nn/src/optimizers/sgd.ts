import type { OptimizerSpec } from '../spec/optimizer-spec.js';
import type { OptimizerMath } from './optimizer-math.js';

/**
 * Keras's SGD, whose velocity has the other sign here: v ← m v + α g; w ← w − v, or w − (m v + α g) with Nesterov's momentum.
 * Without scalars the gradients have the learning rate in them.
 */
export const sgdMath: OptimizerMath<OptimizerSpec & { type: 'sgd' }> = {
  moments: ({ momentum = 0 }) => (momentum === 0 ? 0 : 1),
  scalars: (_optimizer, _step, rate) => [rate],
  apply(
    algebra,
    { momentum = 0, nesterov = false },
    { parameter, gradient, moments: [velocity], scalars: [rate] },
  ) {
    const step = rate === undefined ? gradient : algebra.multiply(gradient, rate);
    if (velocity === undefined) return { parameter: algebra.subtract(parameter, step), moments: [] };
    const kept = algebra.scalar(momentum);
    const next = algebra.add(algebra.multiply(velocity, kept), step);
    const change = nesterov ? algebra.add(algebra.multiply(next, kept), step) : next;
    return { parameter: algebra.subtract(parameter, change), moments: [next] };
  },
};
