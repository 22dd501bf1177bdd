import type { OptionRules, PluginOptions } from './options.js';

/** What a model predicts: one of several classes, or a number. */
export type PluginTask = 'classification' | 'regression';

/** What the data asks of a model. */
export interface ModelProblem {
  readonly task: PluginTask;
  /** Class labels in the order of the outputs; empty for a regression. */
  readonly classes: readonly string[];
  /** Numbers of one answer: one probability a class, or 1. */
  readonly outputs: number;
  /** Names of the features, in the order of a row. */
  readonly features: readonly string[];
}

/** Rows of features, row-major: `features[row * width + column]`. All are finite. */
export interface FeatureRows {
  readonly features: Float32Array;
  readonly rows: number;
  readonly width: number;
}

/** What a model is fitted on. */
export interface TrainingRows extends FeatureRows {
  /** One a row: the number of the class, or the number to be predicted. */
  readonly targets: Int32Array | Float32Array;
  /** How much each row counts; absent: 1 each. */
  readonly weights?: Float32Array;
}

/** How far a fit is. */
export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  readonly loss: number;
  /** Accuracy, or root mean squared error, where it is known. */
  readonly metric?: number;
}

/** What a fit is given beside its rows. */
export interface FitContext {
  readonly problem: ModelProblem;
  readonly seed: number;
  /** Numbers from 0 to 1 drawn by the seed; Math.random is the same stream while a plug-in runs. */
  random(): number;
  /** Tells of an epoch, or of any other step that is worth telling. */
  epoch(report: EpochReport): void;
  /** Aborted when the run is cancelled or its time is up; soon after, the process of the plug-in is ended. */
  readonly signal: AbortSignal;
}

/**
 * A model that is not a network: the default export of a package. It runs in a process of its own, which is told rows and
 * gives answers; it must need neither files nor network nor the time, since the same rows, options and seed have to give the same
 * state, to the bit: a run that can't be reproduced is no run.
 */
export interface ModelPlugin<Options extends PluginOptions = PluginOptions, Model = unknown> {
  /** Version of this interface. */
  readonly rookery: 1;
  readonly kind: 'model';
  /** Tasks that it is for; absent: both. */
  readonly tasks?: readonly PluginTask[];
  readonly options?: OptionRules;
  /** What rules of single options can't say. Throws an error; its `field`, where set, is the option at fault. */
  check?(options: Options, problem: ModelProblem): void | Promise<void>;
  /** The state of the fitted model: bytes that `load` understands. They are kept, and hashed, as they are. */
  fit(rows: TrainingRows, options: Options, context: FitContext): Uint8Array | Promise<Uint8Array>;
  /** Makes ready to predict, once a process. */
  load(state: Uint8Array, options: Options, problem: ModelProblem): Model | Promise<Model>;
  /** rows × outputs finite numbers, row-major: probabilities that sum to 1, or the number. A row's answer hangs on that row alone. */
  predict(model: Model, rows: FeatureRows): ArrayLike<number> | Promise<ArrayLike<number>>;
}
