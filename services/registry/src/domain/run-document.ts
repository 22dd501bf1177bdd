import type {
  ArtifactRef,
  ConfusionMatrix,
  FoldMetrics,
  GateVerdict,
  LabelConfusion,
  MetricSummary,
  TrainingEnvironment,
  TrainingHistory,
} from '@rookery/proto/rookery/domain/v1/data';
import type { OutboxEntry } from '@rookery/bus';
import type { RunState } from '@rookery/proto/rookery/registry/v1/registry';

/** What `dataset.ingested` writes. */
export interface IngestedPart {
  datasetId: string;
  datasetName: string;
  datasetVersion: number;
  datasetSha256: string;
  requestEventId: string;
  requestedAtMs: number;
  /** The request, proto3 JSON text: a person's free words may hold keys that no database takes. */
  request: string;
  traceId: string;
}

/** What `run.started` writes. */
export interface StartedPart {
  /** RunStarted, proto3 JSON text, for the same reason. */
  plan: string;
  traceId: string;
}

/** What `fold.trained` writes. */
export interface TrainedPart {
  fold: number;
  final: boolean;
  history?: TrainingHistory | undefined;
  environment?: TrainingEnvironment | undefined;
  durationMs: number;
  trained?: ArtifactRef | undefined;
  traceId: string;
}

/** What `fold.evaluated` writes. */
export interface ResultPart {
  result: FoldMetrics;
  traceId: string;
}

/** One fold, or the final model. */
export interface JobPart {
  trained?: TrainedPart;
  evaluated?: ResultPart;
}

/** What `run.evaluated` writes: all that a decision needs, so that it can be taken again after a crash. */
export interface EvaluatedPart {
  eventId: string;
  correlationId: string;
  traceparent?: string | undefined;
  traceId: string;
  metrics: Record<string, MetricSummary>;
  folds: FoldMetrics[];
  confusion?: ConfusionMatrix | undefined;
  labelConfusions?: LabelConfusion[] | undefined;
  /** Where they were tuned. */
  labelThresholds?: number[] | undefined;
  verdict?: GateVerdict | undefined;
  package?: ArtifactRef | undefined;
  reference?: ArtifactRef | undefined;
  environment?: TrainingEnvironment | undefined;
}

/** How an attempt of a run ended; written once an attempt. */
export interface EndPart {
  version: number;
  reasons: string[];
  code: string;
  message: string;
  timeMs: number;
}

/** A turn in the life of a run: how an earlier attempt failed, who let it go on, who cancelled it. */
export interface RunChangePart {
  kind: 'failed' | 'resumed' | 'cancelled';
  attempt: number;
  timeMs: number;
  actor: string;
  reason: string;
  code: string;
  message: string;
}

/**
 * A run as it is stored. Every kind of event writes a part of its own, so the order in which kinds arrive does not
 * matter; `state` only grows, but for a resumption, which begins another attempt.
 */
export interface RunDocument {
  _id: string;
  state: RunState;
  model?: string;
  createdAtMs: number;
  updatedAtMs: number;
  ingested?: IngestedPart;
  started?: StartedPart;
  /** By `f<k>`, and `final`. */
  jobs?: Record<string, JobPart>;
  evaluated?: EvaluatedPart;
  /** The evaluation is complete and readable, so the run will be decided: it can no longer fail or be cancelled. */
  claimed?: boolean;
  /** What the decision needs of the model package, proto3 JSON text: with it no later reading can fail. */
  claim?: string;
  /** Absent: the first. */
  attempt?: number;
  changes?: RunChangePart[];
  end?: EndPart;
  servingMs?: number;
  outbox?: OutboxEntry[];
}
