import { hostname } from 'node:os';

import {
  artifactTypes,
  attemptParts,
  derivedEventId,
  events,
  jobKeyOf,
  TerminalError,
} from '@rookery/contracts';
import type { ArtifactRef, ArtifactStore } from '@rookery/artifacts';
import type { Bus, BusEvent, HandlerContext } from '@rookery/bus';
import type { BackendName, ModelSpec } from '@rookery/nn';
import { isPluginSpec } from '@rookery/plugin';
import type { PluginSpec, Plugins } from '@rookery/plugin';
import type { TrainingEnvironment } from '@rookery/proto/rookery/domain/v1/data';
import type { FoldJob, FoldTrained } from '@rookery/proto/rookery/events/v1/run';

import { boundedHistory } from '../domain/bounded-history.js';
import type {
  EpochDone,
  JobColumns,
  JobData,
  JobRows,
  Trained,
  TrainedLike,
} from '../domain/worker-messages.js';
import type { CancelledRuns } from './cancelled-runs.js';
import { fitPlugin, withPlugins } from './fit-plugin.js';
import { reportReproduced } from './report-reproduced.js';
import { SharedDatasets } from './shared-datasets.js';

/** Threads that train. */
export interface TrainingPool {
  readonly size: number;
  readonly backend: BackendName;
  run(
    job: JobData & {
      readonly spec: ModelSpec;
      readonly seed: number;
      readonly like?: TrainedLike;
      readonly onEpoch: (progress: EpochDone) => void;
    },
    signal: AbortSignal,
  ): Promise<TrainedByThread>;
  /** The training rows of a job, for what is fitted elsewhere. */
  rows(job: JobData, signal: AbortSignal): Promise<JobRows>;
  /** The raw columns that the plug-ins of a job read. */
  columns(job: JobData, signal: AbortSignal): Promise<JobColumns>;
}

/** A training, with the number of the thread that did it: 0 where none did. */
export type TrainedByThread = Trained & { readonly thread: number };

/** How far a training is. */
export type EpochProgress = Omit<EpochDone, 'kind' | 'job'>;

/** What training a fold needs. */
export interface TrainFoldPorts {
  readonly bus: Pick<Bus, 'publish' | 'publishProgress'>;
  readonly artifacts: ArtifactStore;
  readonly pool: TrainingPool;
  readonly plugins: Pick<Plugins, 'fit' | 'openStep'>;
  readonly cancelled: Pick<CancelledRuns, 'unlessCancelled'>;
  readonly codeVersion: string;
}

/**
 * Handler of ml.job.fold: trains one fold or the final model, stores the network, and publishes ml.fold.trained. The
 * event's id comes from the job, and the same job gives the same weights, so that a job done twice is one event and one
 * artifact. Progress goes out live and is never waited for. A job whose run is cancelled is done without being trained, or
 * stopped where it is at work. A job of a reproduction is compared, and published as ml.fold.reproduced instead.
 *
 * Throws RK_MESSAGE_MISSING_FIELD, what the fit throws (RK_TRAIN_INPUT, RK_TRAIN_DIVERGED, RK_SPEC_INVALID, RK_PLUGIN_…: terminal),
 * RK_TRAIN_WORKER_DIED and RK_DEADLINE_EXCEEDED (tried again), and what the artifact store throws where the data set or the
 * bundle is gone.
 */
export function trainFold(
  ports: TrainFoldPorts,
): (event: BusEvent<FoldJob>, context: HandlerContext) => Promise<void> {
  const datasets = new SharedDatasets(ports.artifacts);
  return async (event, { signal }) => {
    const job = event.data;
    const { reproduction } = job;
    const fit = (stop: AbortSignal): Promise<TrainedByThread | undefined> =>
      train(ports, datasets, event, stop);
    // The folds of a trial carry an id of their own: what is cancelled is the run that searches.
    const trained = reproduction
      ? await fit(signal)
      : await ports.cancelled.unlessCancelled(job.trial?.searchId ?? job.runId, signal, fit);
    if (!trained) return;
    const stored = await ports.artifacts.put(trained.model, artifactTypes.trainedModel);
    const environment = environmentOf(trained, ports.codeVersion);
    if (reproduction) {
      const { model, durationMs } = trained;
      await reportReproduced(ports, event, reproduction, { model, stored, environment, durationMs });
      return;
    }
    await ports.bus.publish(events.foldTrained, job.runId, trainedEvent(job, trained, stored, environment), {
      id: derivedEventId(
        events.foldTrained.type,
        jobKeyOf(job.runId, job.fold, job.final),
        ...attemptParts(job.runAttempt),
      ),
      cause: event,
      correlationId: job.runId,
    });
  };
}

async function train(
  ports: TrainFoldPorts,
  datasets: SharedDatasets,
  event: BusEvent<FoldJob>,
  signal: AbortSignal,
): Promise<TrainedByThread | undefined> {
  const job = event.data;
  if (!job.dataset || !job.bundle || !job.modelSpec) {
    const field = !job.dataset ? 'dataset' : !job.bundle ? 'bundle' : 'model_spec';
    throw new TerminalError('RK_MESSAGE_MISSING_FIELD', `Job ${event.key} has no ${field}`, {
      details: { field, job: event.key },
    });
  }
  const [dataset, bundle] = await Promise.all([
    datasets.get(job.dataset.sha256),
    ports.artifacts.get(job.bundle.sha256),
  ]);
  const spec = job.modelSpec as unknown as ModelSpec | PluginSpec;
  const like = job.reproduction?.environment;
  // A reproduction has its own place for progress: that of its run has ended.
  const runId = job.reproduction?.reproductionId ?? job.runId;
  const { fold, final } = job;
  const onEpoch = ({ epoch, loss, metric, metricName }: EpochProgress): void => {
    const { epochs } = spec;
    ports.bus.publishProgress(runId, { runId, fold, final, epoch, epochs, loss, metricName, metric });
  };
  const { sha256: datasetSha256 } = job.dataset;
  const part = final ? 'final model' : `fold ${fold}`;
  const training = withPlugins(ports, { datasetSha256, dataset, bundle }, part, signal).then((data) =>
    isPluginSpec(spec)
      ? fitPlugin(ports, data, { spec: spec as PluginSpec, seed: job.seed, fold, final, onEpoch, signal })
      : ports.pool.run(
          {
            ...data,
            spec: spec as ModelSpec,
            seed: job.seed,
            ...(like ? { like: { backend: like.backend, engine: like.engine } } : {}),
            onEpoch,
          },
          signal,
        ),
  );
  return job.trial === undefined ? training : orTrialFailed(ports, event, training, signal);
}

/**
 * What was trained; undefined where a trial can't be trained (it diverged, or its settings fit no network), which is a
 * result of the search, not a message that nobody could handle: announced as ml.trial.failed, once however often it is tried.
 */
async function orTrialFailed<T>(
  ports: Pick<TrainFoldPorts, 'bus'>,
  event: BusEvent<FoldJob>,
  training: Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  try {
    return await training;
  } catch (error) {
    const { trial, runId, fold } = event.data;
    // One that was told to stop did not fail.
    if (!(error instanceof TerminalError) || trial === undefined || signal.aborted) throw error;
    await ports.bus.publish(
      events.trialFailed,
      trial.searchId,
      { trial, runId, code: error.code, message: error.message, step: `fold ${fold}` },
      {
        id: derivedEventId(events.trialFailed.type, runId, String(fold)),
        cause: event,
        correlationId: trial.searchId,
      },
    );
    return undefined;
  }
}

function trainedEvent(
  job: FoldJob,
  trained: TrainedByThread,
  stored: ArtifactRef,
  environment: TrainingEnvironment,
): FoldTrained {
  return {
    runId: job.runId,
    fold: job.fold,
    final: job.final,
    folds: job.folds,
    model: job.model,
    trained: stored,
    bundle: job.bundle,
    dataset: job.dataset,
    history: boundedHistory(trained),
    environment,
    durationMs: trained.durationMs,
    epochsRun: trained.epochsRun,
    runAttempt: job.runAttempt,
    trial: job.trial,
  };
}

function environmentOf(trained: TrainedByThread, codeVersion: string): TrainingEnvironment {
  return {
    backend: trained.backend,
    engine: trained.engine,
    engineVersion: trained.engineVersion,
    codeVersion,
    nodeVersion: process.version,
    platform: `${process.platform}-${process.arch}`,
    worker: `${hostname()}/${process.pid}/${trained.thread}`,
  };
}
