import type { BackendName, BackendRequest, ModelSpec, TrainEngine } from '@rookery/nn';

/** How training steps are computed. */
export type EngineRequest = TrainEngine | 'auto';

/** What a training thread is started with. */
export interface WorkerSettings {
  readonly backend: BackendRequest;
  readonly engine: EngineRequest;
  /** Where the engine onnx computes, the preferred provider first. */
  readonly onnxProviders: readonly string[];
  /** Anything but 0 in its first word asks the running fit to end. */
  readonly stopFlag: SharedArrayBuffer;
}

/** A job as it is handed to a thread. */
export interface WorkerJob {
  readonly kind: 'train';
  readonly job: number;
  readonly datasetSha256: string;
  /** Arrow bytes, shared between all threads of the process: handing them over copies nothing. */
  readonly dataset: SharedArrayBuffer;
  /** FoldBundle bytes. */
  readonly bundle: Uint8Array;
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
      readonly kind: 'failed';
      readonly job: number;
      readonly code: string;
      readonly message: string;
      readonly hint: string;
      readonly details: Readonly<Record<string, string>>;
    };

/** A finished training. */
export type Trained = Extract<WorkerAnswer, { kind: 'trained' }>;

/** Progress of a training. */
export type EpochDone = Extract<WorkerAnswer, { kind: 'epoch' }>;
