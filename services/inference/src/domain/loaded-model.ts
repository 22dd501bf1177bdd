import type { Row, Signature } from '@rookery/proto/rookery/domain/v1/data';
import type { LabelThreshold } from '@rookery/tabular';

import type { ServableModel } from './served-models.js';

/** Numbers that plug-ins made: a list of columns, one number a row. */
export type MadeCells = readonly { readonly name: string; readonly values: Float64Array }[];

/** A version that is loaded and ready to predict. */
export interface LoadedModel extends ServableModel {
  readonly runId: string;
  readonly signature: Signature;
  readonly inputExample: Row | undefined;
  readonly regression: boolean;
  /** Class labels in the order of the outputs; empty for regression. */
  readonly classes: string[];
  /** Of a multi-label model: a label is predicted above its threshold; the separator stands between labels in text. */
  readonly labelSets: { readonly threshold: LabelThreshold; readonly separator: string } | undefined;
  /** Names of the features, in the order of the signature. */
  readonly features: readonly string[];
  /** compiled: cheap enough to run within the call. tfjs, onnx: calls are batched. plugin: batched, and answered by another process. */
  readonly engine: 'compiled' | 'tfjs' | 'onnx' | 'plugin';
  readonly backend: string;
  /** Floats of one transformed row, and of one row of outputs. */
  readonly inputs: number;
  readonly outputs: number;
  /**
   * Checks rows `from` to `to` (exclusive) and writes their features to `out`, from its start. Throws the codes of
   * the row reader, naming the row's index in `rows`.
   */
  transform(rows: readonly Row[], from: number, to: number, out: Float32Array, made?: MadeCells): void;
  /**
   * Set where plug-ins make columns of the raw ones: their numbers for rows `from` to `to`, without which `transform` can't be called. Rejects with the
   * codes of the row reader too.
   */
  readonly prepare?: (rows: readonly Row[], from: number, to: number) => Promise<MadeCells>;
  /**
   * Features of `rows` rows → outputs, in an array that the next call may reuse. Synchronous but for the engines onnx and plugin, whose next
   * call must wait for the one before.
   */
  forward(features: Float32Array, rows: number): Float32Array | Promise<Float32Array>;
  /** A regression output in the unit of the target. */
  toTargetUnit(output: number): number;
  /** Tensors held until `dispose`. */
  readonly tensorsHeld: number;
  dispose(): void;
  /** Milliseconds that fetching and building took. */
  readonly loadMs: number;
  readonly warmupMs: number;
  readonly loadedAtMs: number;
  /** Rows answered so far. */
  predictions: number;
}
