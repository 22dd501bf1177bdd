import type { BackendName, BackendRequest, ModelSpec, TrainEngine } from '@rookery/nn';
import type { MadeColumn, RawColumn } from '@rookery/tabular';

/** How training steps are computed. */
export type EngineRequest = TrainEngine | 'auto';

/** What a training thread is started with. */
export interface WorkerSettings {
  readonly backend: BackendRequest;
  readonly engine: EngineRequest;
  /** Where the engine onnx computes, the preferred provider first. */
  readonly onnxProviders: readonly string[];
  /** Threads of one fit by the engine onnx. */
  readonly onnxThreads: number;
  /** Anything but 0 in its first word asks the running fit to end. */
  readonly stopFlag: SharedArrayBuffer;
}

/** What a job is made of. */
export interface JobData {
  readonly datasetSha256: string;
  /** Arrow bytes, shared between all threads of the process: handing them over copies nothing. */
  readonly dataset: SharedArrayBuffer;
  /** FoldBundle bytes. */
  readonly bundle: Uint8Array;
  /** What plug-ins made of the training rows; the bundle's transformer reads them as columns. */
  readonly made?: readonly MadeColumn[];
}

/** Raw columns of the training rows of a job, which its plug-ins read. */
export interface ColumnsJob extends JobData {
  readonly kind: 'columns';
  readonly job: number;
}

/** A job of which only the training rows are wanted: what fits them is not in the thread. */
export interface RowsJob extends JobData {
  readonly kind: 'rows';
  readonly job: number;
}

/** A job as it is handed to a thread. */
export interface WorkerJob extends JobData {
  readonly kind: 'train';
  readonly job: number;
  readonly spec: ModelSpec;
  readonly seed: number;
  /** Train as it was trained before, where this thread can. */
  readonly like?: TrainedLike;
}

/** How a job was trained before. */
export interface TrainedLike {
  readonly backend: string;
  readonly engine: string;
}

/** Every epoch of a fit. */
export interface EpochHistory {
  readonly loss: readonly number[];
  readonly metric: readonly number[];
  readonly valLoss?: readonly number[];
  readonly valMetric?: readonly number[];
}

/** Answers of a thread. */
export type WorkerAnswer =
  | {
      readonly kind: 'ready';
      readonly backend: BackendName;
      readonly reason: string;
      readonly fallbacks: readonly string[];
    }
  | { readonly kind: 'unusable'; readonly code: string; readonly message: string; readonly hint: string }
  | {
      readonly kind: 'epoch';
      readonly job: number;
      readonly epoch: number;
      readonly loss: number;
      readonly metric: number;
      readonly metricName: string;
    }
  | {
      readonly kind: 'trained';
      readonly job: number;
      /** TrainedModel bytes, as they are stored. */
      readonly model: Uint8Array;
      readonly history: EpochHistory;
      readonly metricName: string;
      readonly epochsRun: number;
      readonly bestEpoch: number;
      readonly stoppedEarly: boolean;
      readonly stopped: boolean;
      readonly backend: BackendName;
      readonly engine: string;
      readonly engineVersion: string;
      readonly durationMs: number;
    }
  | {
      readonly kind: 'rows';
      readonly job: number;
      /** Row-major, as many as `rows` × `width`. */
      readonly features: Float32Array;
      readonly rows: number;
      readonly width: number;
      readonly targets: Int32Array | Float32Array;
      readonly weights: Float32Array | undefined;
      readonly featureNames: readonly string[];
      /** Class labels in the order of the outputs; empty for a regression. */
      readonly classes: readonly string[];
    }
  | {
      readonly kind: 'columns';
      readonly job: number;
      readonly columns: readonly RawColumn[];
      readonly rows: number;
    }
  | {
      readonly kind: 'failed';
      readonly job: number;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly details: Readonly<Record<string, string>>;
    };

/** A training as a thread has finished it. */
export type TrainedInThread = Extract<WorkerAnswer, { kind: 'trained' }>;

/** A finished training, wherever it was done. */
export type Trained = Omit<TrainedInThread, 'kind' | 'job' | 'backend'> & { readonly backend: string };

/** The training rows of a job. */
export type JobRows = Omit<Extract<WorkerAnswer, { kind: 'rows' }>, 'kind' | 'job'>;

/** Raw columns of a job. */
export type JobColumns = Omit<Extract<WorkerAnswer, { kind: 'columns' }>, 'kind' | 'job'>;

/** Progress of a training. */
export type EpochDone = Extract<WorkerAnswer, { kind: 'epoch' }>;
