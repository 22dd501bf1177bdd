import type { RawColumn } from '@rookery/tabular';

import type { EpochReport, FeatureRows, ModelProblem, TrainingRows } from '../interface/model-plugin.js';
import type { ColumnKind } from '../interface/transform-plugin.js';
import type { OptionRules, PluginOptions } from '../interface/options.js';

/** What the process of a plug-in is started with. */
export interface ChildSettings {
  readonly parent: number;
  /** Most memory of the whole process. */
  readonly memoryBytes: number;
}

/** What a process is asked to do, one thing at a time. */
export type PluginRequest =
  | { readonly kind: 'open'; readonly entry: string }
  | {
      readonly kind: 'check';
      readonly options: PluginOptions;
      /** What it is for: a problem, or the columns of a transform. */
      readonly of: ModelProblem | readonly ColumnKind[];
    }
  | {
      readonly kind: 'fit';
      readonly rows: TrainingRows;
      readonly options: PluginOptions;
      readonly problem: ModelProblem;
      readonly seed: number;
    }
  | {
      readonly kind: 'load';
      readonly state: Uint8Array;
      readonly options: PluginOptions;
      readonly problem: ModelProblem;
    }
  | { readonly kind: 'predict'; readonly rows: FeatureRows }
  | {
      readonly kind: 'fit-step';
      readonly columns: readonly RawColumn[];
      readonly rows: number;
      readonly options: PluginOptions;
      readonly seed: number;
    }
  | {
      readonly kind: 'load-step';
      readonly state: Uint8Array;
      readonly options: PluginOptions;
      readonly columns: readonly ColumnKind[];
    }
  | { readonly kind: 'transform'; readonly columns: readonly RawColumn[]; readonly rows: number };

/** What a request is answered with. */
export interface PluginAnswers {
  readonly open: PluginDescription;
  readonly check: undefined;
  readonly fit: Uint8Array;
  readonly load: undefined;
  readonly predict: ArrayLike<number>;
  readonly 'fit-step': Uint8Array;
  /** Names of its numbers. */
  readonly 'load-step': unknown;
  readonly transform: ArrayLike<number>;
}

/** What a loaded plug-in says of itself. */
export interface PluginDescription {
  readonly kind: 'model' | 'transform';
  readonly tasks: readonly string[];
  readonly options: OptionRules;
}

/** A request on its way to the process. `stop` asks the request of that number to end. */
export type ToChild = { readonly id: number; readonly request: PluginRequest } | { readonly stop: number };

/** What a process says: an answer, an epoch, a failure; or that something was thrown where nobody waits for it. */
export type FromChild =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly epoch: EpochReport }
  | { readonly id: number; readonly failed: ThrownByPlugin }
  | { readonly crashed: ThrownByPlugin };

/** An error as it was thrown. */
export interface ThrownByPlugin {
  readonly message: string;
  readonly stack: string;
  /** The option at fault, where the error names one. */
  readonly field?: string;
}

/** The line by which a process says why it ends itself. */
export const memoryMark = 'rookery: the plug-in takes more memory than it may:';
