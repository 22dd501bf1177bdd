import type { Algebra } from '../algebra/algebra.js';
import type { OptimizerSpec } from '../spec/optimizer-spec.js';

/** The mathematics of one optimizer, for every engine. `scalars` are those of the step. */
export interface OptimizerMath<O extends OptimizerSpec> {
  /** Moments of each parameter, zeros at the start. */
  moments(optimizer: O): number;
  /** Numbers of step `step` (from 1) with its learning rate, which are fed into a graph. */
  scalars(optimizer: O, step: number, rate: number): number[];
  apply<T>(
    algebra: Algebra<T>,
    optimizer: O,
    values: { parameter: T; gradient: T; moments: readonly T[]; scalars: readonly T[] },
  ): { parameter: T; moments: T[] };
}
