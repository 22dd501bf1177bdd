import { adamMath } from './adam.js';
import { rmspropMath } from './rmsprop.js';
import { sgdMath } from './sgd.js';
import type { Algebra } from '../algebra/algebra.js';
import type { Gradient } from '../layers/layer-math.js';
import type { NetworkPlan } from '../network-plan.js';
import type { OptimizerSpec } from '../spec/optimizer-spec.js';
import type { OptimizerMath } from './optimizer-math.js';

function mathOf(optimizer: OptimizerSpec): OptimizerMath<OptimizerSpec> {
  const { type } = optimizer;
  const math = type === 'sgd' ? sgdMath : type === 'rmsprop' ? rmspropMath : adamMath;
  return math;
}

/** Factors of Σ|w| and Σw² of one parameter. */
interface Penalty {
  place: number;
  l1: number;
  l2: number;
}
const known = new WeakMap<NetworkPlan, Penalty[]>();

/** The parameters that are penalised; found once for a plan, since every step asks. */
export function penaltiesOf(plan: NetworkPlan): Penalty[] {
  let penalties = known.get(plan);
  if (penalties === undefined) {
    penalties = plan.operations.flatMap((op) => {
      if (op.kind !== 'dense' && op.kind !== 'embedding') return [];
      const l1 = op.kind === 'dense' ? (op.l1 ?? 0) : 0;
      const l2 = op.l2 ?? 0;
      return l1 === 0 && l2 === 0 ? [] : [{ place: op.kind === 'dense' ? op.kernel : op.table, l1, l2 }];
    });
    known.set(plan, penalties);
  }
  return penalties;
}

/**
 * Plain SGD is linear in the gradient, which is linear in the output's gradient: the learning rate is multiplied in
 * there, on the smallest matrix, and every gradient arrives already scaled. Not so where gradients are clipped or penalised.
 */
export function scalesGradients(optimizer: OptimizerSpec, plan: NetworkPlan): boolean {
  const clipped =
    optimizer.clipNorm !== undefined ||
    optimizer.globalClipNorm !== undefined ||
    optimizer.clipValue !== undefined;
  return optimizer.type === 'sgd' && !clipped && penaltiesOf(plan).length === 0;
}

/** Moments of each parameter. */
export function momentsOf(optimizer: OptimizerSpec): number {
  return mathOf(optimizer).moments(optimizer);
}

/** Scalars of step `step` (from 1); none for SGD with scaled gradients. */
export function stepScalars(optimizer: OptimizerSpec, scaled: boolean, step: number, rate: number): number[] {
  return scaled ? [] : mathOf(optimizer).scalars(optimizer, step, rate);
}

/** l1 Σ|w| + l2 Σw² of all parameters that have factors, as a scalar; undefined where none has. */
export function penalty<T>(algebra: Algebra<T>, plan: NetworkPlan, parameters: readonly T[]): T | undefined {
  let total: T | undefined;
  for (const { place, l1, l2 } of penaltiesOf(plan)) {
    const values = parameters[place]!;
    const [rows, columns] = plan.parameters[place]!.shape as [number, number];
    const parts = [
      [l1, algebra.multiply(values, algebra.sign(values))],
      [l2, algebra.multiply(values, values)],
    ] as const;
    for (const [factor, terms] of parts) {
      if (factor === 0) continue;
      const sum = sumAll(algebra, terms, rows, columns);
      const part = algebra.multiply(sum, algebra.scalar(factor));
      total = total === undefined ? part : algebra.add(total, part);
    }
  }
  return total;
}

/** The same in double precision; `read` is asked only where there are factors. */
export function hostPenalty(plan: NetworkPlan, read: () => readonly Float32Array[]): number {
  const penalties = penaltiesOf(plan);
  if (penalties.length === 0) return 0;
  const parameters = read();
  let total = 0;
  for (const { place, l1, l2 } of penalties)
    for (const value of parameters[place]!) total += l1 * Math.abs(value) + l2 * value * value;
  return total;
}

/**
 * All updates of a step, in Keras's order: penalties are part of the gradients, then clipping, then the optimizer. Gives the new
 * parameters and moments by the parameter's place.
 */
export function updateParameters<T>(
  algebra: Algebra<T>,
  plan: NetworkPlan,
  optimizer: OptimizerSpec,
  values: {
    parameters: readonly T[];
    gradients: ReadonlyMap<number, Gradient<T>>;
    moments: readonly (readonly T[])[];
    scalars: readonly T[];
    rows: number;
  },
): Map<number, { parameter: T; moments: T[] }> {
  const next = new Map<number, { parameter: T; moments: T[] }>();
  const { parameters, rows } = values;
  const scaled = scalesGradients(optimizer, plan);
  const plain = scaled && momentsOf(optimizer) === 0;
  const whole = new Map<number, T>();
  for (const [place, gradient] of values.gradients) {
    const before = parameters[place]!;
    if ('whole' in gradient) {
      if (plain) next.set(place, { parameter: algebra.subtract(before, gradient.whole), moments: [] });
      else whole.set(place, gradient.whole);
      continue;
    }
    if (!plain) {
      whole.set(
        place,
        'summed' in gradient
          ? algebra.sumRows(gradient.summed, rows)
          : algebra.matmul(gradient.left, gradient.right, { a: true }),
      );
      continue;
    }
    const parameter =
      'summed' in gradient
        ? algebra.subtractRows(before, gradient.summed, rows)
        : algebra.subtractProduct(before, gradient.left, gradient.right);
    next.set(place, { parameter, moments: [] });
  }
  if (plain) return next;
  for (const { place, l1, l2 } of penaltiesOf(plan)) {
    const weights = parameters[place]!;
    let gradient = whole.get(place) as T;
    if (l2 !== 0) gradient = algebra.add(gradient, algebra.multiply(weights, algebra.scalar(2 * l2)));
    if (l1 !== 0)
      gradient = algebra.add(gradient, algebra.multiply(algebra.sign(weights), algebra.scalar(l1)));
    whole.set(place, gradient);
  }
  clip(algebra, plan, optimizer, whole);
  const { apply } = scaled ? { apply: sgdMath.apply.bind(sgdMath) } : mathOf(optimizer);
  for (const [place, gradient] of whole) {
    const input = {
      parameter: parameters[place]!,
      gradient,
      moments: values.moments[place]!,
      scalars: values.scalars,
    };
    next.set(place, apply(algebra, optimizer as never, input));
  }
  return next;
}

function clip<T>(
  algebra: Algebra<T>,
  plan: NetworkPlan,
  optimizer: OptimizerSpec,
  gradients: Map<number, T>,
): void {
  const { clipNorm, globalClipNorm, clipValue } = optimizer;
  const squares = (place: number, gradient: T): T => {
    const { shape } = plan.parameters[place]!;
    const [rows, columns] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
    return sumAll(algebra, algebra.multiply(gradient, gradient), rows, columns);
  };
  /** c / max(norm, c), the factor that brings a gradient to the norm c where it is longer. */
  const factor = (sum: T, limit: number): T =>
    algebra.divide(algebra.scalar(limit), algebra.maximum(algebra.sqrt(sum), algebra.scalar(limit)));
  if (clipValue !== undefined) {
    for (const [place, gradient] of gradients) {
      const above = algebra.maximum(gradient, algebra.scalar(-clipValue));
      gradients.set(place, algebra.minimum(above, algebra.scalar(clipValue)));
    }
  } else if (clipNorm !== undefined) {
    for (const [place, gradient] of gradients)
      gradients.set(place, algebra.multiply(gradient, factor(squares(place, gradient), clipNorm)));
  } else if (globalClipNorm !== undefined) {
    const sum = [...gradients]
      .map(([place, gradient]) => squares(place, gradient))
      .reduce((total, one) => algebra.add(total, one));
    const shared = factor(sum, globalClipNorm);
    for (const [place, gradient] of gradients) gradients.set(place, algebra.multiply(gradient, shared));
  }
}

function sumAll<T>(algebra: Algebra<T>, x: T, rows: number, columns: number): T {
  return algebra.sumColumns(algebra.sumRows(x, rows), columns);
}
