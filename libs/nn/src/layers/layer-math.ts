import type { Algebra } from '../algebra/algebra.js';
import type { Operation } from './operation.js';

/** What a pass is given beside the values. */
export interface Pass<T> {
  algebra: Algebra<T>;
  parameters: readonly T[];
  training: boolean;
  /** Rows of the batch, those that only fill it up included. */
  rows: number;
  /** The mask of a dropout operation, by its place in the plan. */
  masks: ReadonlyMap<number, T>;
  /** 1 × rows: 1 / (rows that count), 0 for those that only fill the batch up. For means over a batch. */
  rowShares: T;
  /** rows × 1: 1, or 0 for a row that only fills the batch up. Undefined where every row counts. */
  counting: T | undefined;
}

/** A gradient as a product leftᵀ · right, or as the sum of rows: simple updates take that in one pass over the parameter. Or as it is. */
export type Gradient<T> = { left: T; right: T } | { summed: T } | { whole: T };

export interface ForwardResult<T> {
  output: T;
  /** What the backward pass wants to know. */
  saved?: T[];
  /** New values of moving statistics, by place. */
  moving?: [place: number, value: T][];
}

export interface BackwardResult<T> {
  /** Gradients of the sources, in their order; undefined where `wanted` is not. */
  sources: (T | undefined)[];
  parameters?: [place: number, gradient: Gradient<T>][];
}

export interface BackwardInput<T> {
  inputs: readonly T[];
  output: T;
  saved: readonly T[];
  /** Gradient of the output. */
  gradient: T;
  /** Which gradients of sources are needed. */
  wanted: readonly boolean[];
}

/** The mathematics of one kind of operation, for every engine. */
export interface LayerMath<O extends Operation> {
  forward<T>(operation: O, inputs: readonly T[], pass: Pass<T>, place: number): ForwardResult<T>;
  backward<T>(operation: O, values: BackwardInput<T>, pass: Pass<T>, place: number): BackwardResult<T>;
}
