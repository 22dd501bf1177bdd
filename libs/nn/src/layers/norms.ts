import type { Algebra } from '../algebra/algebra.js';
import type { LayerMath } from './layer-math.js';
import type { BatchNormOperation, LayerNormOperation } from './operation.js';

/** 1 / √(variance + ε). */
function inverseDeviation<T>(algebra: Algebra<T>, variance: T, epsilon: number): T {
  return algebra.divide(algebra.scalar(1), algebra.sqrt(algebra.add(variance, algebra.scalar(epsilon))));
}

/**
 * γ (x − mean) / √(variance + ε) + β with the batch's mean and population variance while training (Ioffe & Szegedy 2015; Keras),
 * with the moving ones in prediction. A row that only fills the batch up counts in neither.
 */
export const batchNormMath: LayerMath<BatchNormOperation> = {
  forward(op, [input], { algebra, parameters, training, rowShares }) {
    const [gamma, beta] = [parameters[op.gamma]!, parameters[op.beta]!];
    const [movingMean, movingVariance] = [parameters[op.movingMean]!, parameters[op.movingVariance]!];
    if (!training) {
      const factor = algebra.multiply(gamma, inverseDeviation(algebra, movingVariance, op.epsilon));
      const centred = algebra.subtract(input!, movingMean);
      return { output: algebra.add(algebra.multiply(centred, factor), beta) };
    }
    const mean = algebra.matmul(rowShares, input!);
    const centred = algebra.subtract(input!, mean);
    const variance = algebra.matmul(rowShares, algebra.multiply(centred, centred));
    const inverse = inverseDeviation(algebra, variance, op.epsilon);
    const normal = algebra.multiply(centred, inverse);
    return {
      output: algebra.add(algebra.multiply(normal, gamma), beta),
      saved: [normal, inverse],
      moving: [
        [op.movingMean, moved(algebra, movingMean, mean, op.momentum)],
        [op.movingVariance, moved(algebra, movingVariance, variance, op.momentum)],
      ],
    };
  },
  backward(op, { saved, gradient, wanted }, { algebra, parameters, rowShares, counting }) {
    const [normal, inverse] = [saved[0]!, saved[1]!];
    const weighted = algebra.multiply(gradient, normal);
    let source: typeof gradient | undefined;
    if (wanted[0]) {
      // The batch's mean and variance are functions of the input too.
      const meanGradient = algebra.matmul(rowShares, gradient);
      const along = algebra.multiply(normal, algebra.matmul(rowShares, weighted));
      const inner = algebra.subtract(algebra.subtract(gradient, meanGradient), along);
      source = algebra.multiply(inner, algebra.multiply(parameters[op.gamma]!, inverse));
      if (counting !== undefined) source = algebra.multiply(source, counting);
    }
    return {
      sources: [source],
      parameters: [
        [op.gamma, { summed: weighted }],
        [op.beta, { summed: gradient }],
      ],
    };
  },
};

/** momentum × old + (1 − momentum) × now. */
function moved<T>(algebra: Algebra<T>, old: T, now: T, momentum: number): T {
  const kept = algebra.multiply(old, algebra.scalar(momentum));
  return algebra.add(kept, algebra.multiply(now, algebra.scalar(1 - momentum)));
}

/** γ (x − mean) / √(variance + ε) + β with each row's mean and population variance (Ba et al. 2016; Keras). */
export const layerNormMath: LayerMath<LayerNormOperation> = {
  forward(op, [input], { algebra, parameters }) {
    const mean = rowMean(algebra, input!, op.outputs);
    const centred = algebra.subtract(input!, mean);
    const variance = rowMean(algebra, algebra.multiply(centred, centred), op.outputs);
    const inverse = inverseDeviation(algebra, variance, op.epsilon);
    const normal = algebra.multiply(centred, inverse);
    const scaled = algebra.multiply(normal, parameters[op.gamma]!);
    return { output: algebra.add(scaled, parameters[op.beta]!), saved: [normal, inverse] };
  },
  backward(op, { saved, gradient, wanted }, { algebra, parameters }) {
    const [normal, inverse] = [saved[0]!, saved[1]!];
    let source: typeof gradient | undefined;
    if (wanted[0]) {
      const scaled = algebra.multiply(gradient, parameters[op.gamma]!);
      const along = algebra.multiply(normal, rowMean(algebra, algebra.multiply(scaled, normal), op.outputs));
      const inner = algebra.subtract(algebra.subtract(scaled, rowMean(algebra, scaled, op.outputs)), along);
      source = algebra.multiply(inner, inverse);
    }
    return {
      sources: [source],
      parameters: [
        [op.gamma, { summed: algebra.multiply(gradient, normal) }],
        [op.beta, { summed: gradient }],
      ],
    };
  },
};

function rowMean<T>(algebra: Algebra<T>, x: T, columns: number): T {
  return algebra.multiply(algebra.sumColumns(x, columns), algebra.scalar(1 / columns));
}
