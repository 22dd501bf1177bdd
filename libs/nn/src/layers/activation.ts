import type { Algebra } from '../algebra/algebra.js';
import type { Activation } from '../spec/layer-spec.js';
import type { LayerMath } from './layer-math.js';
import type { ActivationOperation } from './operation.js';

/** Constants of selu (Klambauer et al. 2017), slope of leaky relu (Keras 3). */
export const seluScale = 1.0507009873554805;
export const seluAlpha = 1.6732632423543772;
export const leakySlope = 0.2;

/** The activation of a hidden layer. Softmax stands in the last layer only, where the loss takes its input. */
export function activate<T>(algebra: Algebra<T>, x: T, activation: Activation): T {
  const { add, exp, multiply, relu, scalar, subtract } = bound(algebra);
  switch (activation) {
    case 'linear':
      return x;
    case 'relu':
      return relu(x);
    case 'sigmoid':
      return algebra.sigmoid(x);
    case 'tanh':
      return algebra.tanh(x);
    case 'softplus':
      return algebra.softplus(x);
    case 'softmax':
      return exp(algebra.logSoftmax(x));
    case 'silu':
      return multiply(x, algebra.sigmoid(x));
    case 'gelu':
      return multiply(x, normalCdf(algebra, x));
    case 'elu':
    case 'selu': {
      const positive = relu(x);
      // x − relu(x) is x below zero and 0 above: eˣ can't overflow.
      const negative = subtract(exp(subtract(x, positive)), scalar(1));
      if (activation === 'elu') return add(positive, negative);
      return add(multiply(positive, scalar(seluScale)), multiply(negative, scalar(seluScale * seluAlpha)));
    }
    case 'leaky_relu': {
      const positive = relu(x);
      return add(positive, multiply(subtract(x, positive), scalar(leakySlope)));
    }
  }
}

/** `gradient` times the derivative of the activation, from its input `x` and its output `y`. */
export function activationGradient<T>(
  algebra: Algebra<T>,
  gradient: T,
  x: T,
  y: T,
  activation: Activation,
): T {
  const { add, exp, multiply, scalar, subtract } = bound(algebra);
  const one = (): T => scalar(1);
  /** `above` where y > 0, else `below`, each a factor. */
  const split = (above: number, below: T): T => {
    const mask = algebra.positive(y);
    return add(multiply(mask, scalar(above)), multiply(subtract(one(), mask), below));
  };
  switch (activation) {
    case 'linear':
      return gradient;
    case 'relu':
      return multiply(gradient, algebra.positive(y));
    case 'sigmoid':
      return multiply(gradient, multiply(y, subtract(one(), y)));
    case 'tanh':
      return multiply(gradient, subtract(one(), multiply(y, y)));
    case 'softplus':
      return multiply(gradient, algebra.sigmoid(x));
    case 'silu': {
      const s = algebra.sigmoid(x);
      return multiply(gradient, add(s, multiply(y, subtract(one(), s))));
    }
    case 'gelu': {
      const square = multiply(multiply(x, x), scalar(-0.5));
      const density = multiply(exp(square), scalar(1 / Math.sqrt(2 * Math.PI)));
      return multiply(gradient, add(normalCdf(algebra, x), multiply(x, density)));
    }
    case 'elu':
      return multiply(gradient, split(1, add(y, one())));
    case 'selu':
      return multiply(gradient, split(seluScale, add(y, scalar(seluScale * seluAlpha))));
    case 'leaky_relu':
      return multiply(gradient, split(1, scalar(leakySlope)));
    case 'softmax':
      throw new Error('A softmax has a gradient as part of its loss only.');
  }
}

/** (1 + erf(x / √2)) / 2. */
function normalCdf<T>(algebra: Algebra<T>, x: T): T {
  const erf = algebra.erf(algebra.multiply(x, algebra.scalar(Math.SQRT1_2)));
  return algebra.multiply(algebra.add(erf, algebra.scalar(1)), algebra.scalar(0.5));
}

/** Methods that can be called by themselves, which shortens the formulas. */
function bound<T>(
  algebra: Algebra<T>,
): Pick<Algebra<T>, 'add' | 'subtract' | 'multiply' | 'scalar' | 'exp' | 'relu'> {
  return {
    add: (a, b) => algebra.add(a, b),
    subtract: (a, b) => algebra.subtract(a, b),
    multiply: (a, b) => algebra.multiply(a, b),
    scalar: (value) => algebra.scalar(value),
    exp: (x) => algebra.exp(x),
    relu: (x) => algebra.relu(x),
  };
}

export const activationMath: LayerMath<ActivationOperation> = {
  forward: ({ activation }, [input], { algebra }) => ({ output: activate(algebra, input!, activation) }),
  backward: ({ activation }, { inputs, output, gradient }, { algebra }) => ({
    sources: [activationGradient(algebra, gradient, inputs[0]!, output, activation)],
  }),
};
