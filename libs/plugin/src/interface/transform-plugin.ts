import type { RawColumn } from '@rookery/tabular';

import type { OptionRules, PluginOptions } from './options.js';

/** Name and type of a column. */
export type ColumnKind = Pick<RawColumn, 'name' | 'type'>;

/** What a fit is given beside its columns. */
export interface StepContext {
  readonly rows: number;
  readonly seed: number;
  /** Numbers from 0 to 1 drawn by the seed; Math.random is the same stream while a plug-in runs. */
  random(): number;
  readonly signal: AbortSignal;
}

/**
 * Makes numbers of raw columns: the default export of a package. It runs in a process of its own, as a {@link ModelPlugin} does, and under the
 * same conditions: the same columns, options and seed have to give the same state, to the bit.
 */
export interface TransformPlugin<Options extends PluginOptions = PluginOptions, Loaded = unknown> {
  /** Version of this interface. */
  readonly rookery: 1;
  readonly kind: 'transform';
  readonly options?: OptionRules;
  /** What rules of single options can't say, and which columns it takes. Throws an error; its `field`, where set, is the option at fault. */
  check?(options: Options, columns: readonly ColumnKind[]): void | Promise<void>;
  /** What it learns from the training rows of a fold, as bytes that `load` understands; an empty array where it learns nothing. */
  fit(
    columns: readonly RawColumn[],
    options: Options,
    context: StepContext,
  ): Uint8Array | Promise<Uint8Array>;
  /** Makes ready to transform, once a process. */
  load(state: Uint8Array, options: Options, columns: readonly ColumnKind[]): Loaded | Promise<Loaded>;
  /** Names of its numbers: letters and digits of any script, `_`, `-` and `.`, up to 100. */
  featureNames(loaded: Loaded): readonly string[];
  /** rows × features numbers, row-major; NaN is a missing one. A row's numbers hang on that row alone. */
  transform(
    loaded: Loaded,
    columns: readonly RawColumn[],
    rows: number,
  ): ArrayLike<number> | Promise<ArrayLike<number>>;
}
