import type { FittedStep } from '../preprocess/step.js';
import type { FittedTargetEncoder } from '../preprocess/target-mean-encoder.js';

/** A raw column that a pipeline reads. */
export interface PipelineInput {
  readonly name: string;
  readonly type: 'numeric' | 'categorical' | 'boolean';
}

/** Steps on some columns, one after the other; none: the columns as they are. */
export interface FittedBranch {
  readonly name: string;
  readonly columns: readonly string[];
  readonly steps: readonly FittedStep[];
}

/**
 * An output that is an integer code from 0 to size − 1: what an embedding layer looks up. 0 is a missing cell, 1 an
 * unknown category.
 */
export interface CodeOutput {
  readonly output: number;
  readonly column: string;
  readonly size: number;
}

/**
 * How the rows that a target encoder was fitted on are encoded: each by the encoder of its inner fold, which knows the
 * other folds only. Row i of the training rows is in inner fold `kFold(rows, folds, { seed })`.
 */
export interface CrossFit {
  readonly seed: number;
  readonly folds: number;
  readonly encoders: readonly {
    readonly branch: number;
    readonly step: number;
    /** One an inner fold. */
    readonly parts: readonly FittedTargetEncoder[];
  }[];
}

/** A fitted step of a plug-in: it makes numbers of raw columns, which the branches read as numeric inputs. */
export interface FittedPluginStep {
  /** The code that was fitted, and that has to be applied. */
  readonly plugin: { readonly name: string; readonly version: string; readonly sha256: string };
  readonly name: string;
  /** Raw columns that it reads. */
  readonly columns: readonly PipelineInput[];
  readonly options: Readonly<Record<string, number | string | boolean>>;
  /** Base64 of what it was fitted to. */
  readonly state: string;
  /** Names of its numbers among the inputs of the branches. */
  readonly outputs: readonly string[];
}

/**
 * A fitted transformer that is composed of any steps of `preprocess`: plain JSON, the one featuriser of training,
 * evaluation and serving where a request says how to preprocess.
 */
export interface FittedPipeline {
  readonly version: 2;
  /** Applied before the branches, by who can run them; their outputs are among `inputs`. */
  readonly plugins?: readonly FittedPluginStep[];
  /** In the order in which a row reader is asked for them. */
  readonly inputs: readonly PipelineInput[];
  /** In the order of the outputs. */
  readonly branches: readonly FittedBranch[];
  /** One name an output. */
  readonly featureNames: readonly string[];
  readonly width: number;
  readonly codes: readonly CodeOutput[];
  /** For training rows only: no part of what is served. */
  readonly crossFit?: CrossFit;
}
