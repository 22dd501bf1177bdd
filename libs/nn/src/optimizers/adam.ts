import type { OptimizerSpec } from '../spec/optimizer-spec.js';
import type { OptimizerMath } from './optimizer-math.js';

/**
 * Keras's Adam and AdamW: m ← β₁ m + (1 − β₁) g; v ← β₂ v + (1 − β₂) g²; w ← w − αₜ m / (√v + ε), αₜ = α √(1 − β₂ᵗ) / (1 − β₁ᵗ)
 * (Kingma & Ba 2015, end of section 2); AdamW takes α · weightDecay of w off before (Loshchilov & Hutter 2019). The moments are
 * kept divided by (1 − β), which saves a pass over the parameter for each: with M = m / (1 − β₁) and V = v / (1 − β₂),
 * αₜ m / (√v + ε) = αₜ (1 − β₁) / √(1 − β₂) · M / (√V + ε / √(1 − β₂)).
 */
export const adamMath: OptimizerMath<OptimizerSpec & { type: 'adam' | 'adamw' }> = {
  moments: () => 2,
  scalars(optimizer, step, rate) {
    const { beta1, beta2 } = optimizer;
    const corrected = (rate * Math.sqrt(1 - beta2 ** step)) / (1 - beta1 ** step);
    const size = (corrected * (1 - beta1)) / Math.sqrt(1 - beta2);
    return optimizer.type === 'adamw' ? [size, 1 - optimizer.weightDecay * rate] : [size];
  },
  apply(algebra, { beta1, beta2, epsilon }, { parameter, gradient, moments, scalars: [size, kept] }) {
    const mean = algebra.add(algebra.multiply(moments[0]!, algebra.scalar(beta1)), gradient);
    const squared = algebra.multiply(gradient, gradient);
    const square = algebra.add(algebra.multiply(moments[1]!, algebra.scalar(beta2)), squared);
    const root = algebra.add(algebra.sqrt(square), algebra.scalar(epsilon / Math.sqrt(1 - beta2)));
    const change = algebra.multiply(algebra.divide(mean, root), size!);
    const start = kept === undefined ? parameter : algebra.multiply(parameter, kept);
    return { parameter: algebra.subtract(start, change), moments: [mean, square] };
  },
};
