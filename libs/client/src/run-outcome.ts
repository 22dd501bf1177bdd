import type { DatasetRejected } from '@rookery/proto/rookery/events/v1/dataset';
import type { InferenceSwapped, ModelPromoted, ModelRejected } from '@rookery/proto/rookery/events/v1/model';
import type {
  FoldProgress,
  FoldTrained,
  RunCancelled,
  RunEvaluated,
  RunFailed,
  RunResumed,
  RunStarted,
} from '@rookery/proto/rookery/events/v1/run';
import type {
  SearchCompleted,
  SearchStarted,
  TrialEvaluated,
  TrialFailed,
} from '@rookery/proto/rookery/events/v1/search';

/** Something that happened to a published data set on its way to being served. */
export type RunStep =
  | { readonly kind: 'ingested'; readonly rows: number; readonly columns: number; readonly version: number }
  | { readonly kind: 'dataset-rejected'; readonly rejection: DatasetRejected }
  | { readonly kind: 'search-started'; readonly search: SearchStarted }
  | { readonly kind: 'trial-evaluated'; readonly trial: TrialEvaluated; readonly metric: string }
  | { readonly kind: 'trial-failed'; readonly trial: TrialFailed }
  | { readonly kind: 'search-completed'; readonly search: SearchCompleted }
  | { readonly kind: 'started'; readonly run: RunStarted }
  | { readonly kind: 'progress'; readonly progress: FoldProgress }
  | { readonly kind: 'trained'; readonly trained: FoldTrained }
  | {
      readonly kind: 'fold-evaluated';
      readonly fold: number;
      readonly metrics: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'evaluated'; readonly evaluated: RunEvaluated }
  | { readonly kind: 'promoted'; readonly promoted: ModelPromoted }
  | { readonly kind: 'model-rejected'; readonly rejection: ModelRejected }
  | { readonly kind: 'failed'; readonly failure: RunFailed }
  | { readonly kind: 'resumed'; readonly resumed: RunResumed }
  | { readonly kind: 'cancelled'; readonly cancelled: RunCancelled }
  | { readonly kind: 'swapped'; readonly swapped: InferenceSwapped };

/** How it ended. */
export type RunOutcome =
  /** A replica serves the new model. */
  | {
      readonly state: 'serving';
      readonly runId: string;
      readonly swapped: InferenceSwapped;
      readonly evaluated: RunEvaluated | undefined;
    }
  /** The gate, the champion or a replica did not take the model. */
  | { readonly state: 'rejected'; readonly runId: string; readonly rejection: ModelRejected }
  | { readonly state: 'failed'; readonly runId: string; readonly failure: RunFailed }
  | { readonly state: 'cancelled'; readonly runId: string; readonly cancelled: RunCancelled }
  | { readonly state: 'dataset-rejected'; readonly runId: string; readonly rejection: DatasetRejected };
