import type { OptimizerSpec } from '../spec/optimizer-spec.js';
import type { OptimizerMath } from './optimizer-math.js';

/**
 * Keras's RMSprop: s ← d s + (1 − d) g²; w ← w − α g / √(s + ε). The moment is kept divided by (1 − d), which saves a pass over the
 * parameter: with S = s / (1 − d) the change is α / √(1 − d) · g / √(S + ε / (1 − d)).
 */
export const rmspropMath: OptimizerMath<OptimizerSpec & { type: 'rmsprop' }> = {
  moments: () => 1,
  scalars: ({ decay }, _step, rate) => [rate / Math.sqrt(1 - decay)],
  apply(algebra, { decay, epsilon }, { parameter, gradient, moments, scalars }) {
    const kept = algebra.multiply(moments[0]!, algebra.scalar(decay));
    const square = algebra.add(kept, algebra.multiply(gradient, gradient));
    const root = algebra.sqrt(algebra.add(square, algebra.scalar(epsilon / (1 - decay))));
    const change = algebra.multiply(algebra.divide(gradient, root), scalars[0]!);
    return { parameter: algebra.subtract(parameter, change), moments: [square] };
  },
};
