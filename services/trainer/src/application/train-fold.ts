import { hostname } from 'node:os';

import { artifactTypes, derivedEventId, events, jobKeyOf, TerminalError } from '@rookery/contracts';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, BusEvent, HandlerContext } from '@rookery/bus';
import type { BackendName, ModelSpec } from '@rookery/nn';
import type { FoldJob } from '@rookery/proto/rookery/events/v1/run';

import type { EpochDone, Trained } from '../domain/worker-messages.js';
import { SharedDatasets } from './shared-datasets.js';

/** Threads that train. */
export interface TrainingPool {
  readonly size: number;
  readonly backend: BackendName;
  run(
    job: {
      readonly datasetSha256: string;
      readonly dataset: SharedArrayBuffer;
      readonly bundle: Uint8Array;
      readonly spec: ModelSpec;
      readonly seed: number;
      readonly onEpoch: (progress: EpochDone) => void;
    },
    signal: AbortSignal,
  ): Promise<Trained & { /** Number of the thread that trained. */ readonly thread: number }>;
}

/** What training a fold needs. */
export interface TrainFoldPorts {
  readonly bus: Pick<Bus, 'publish' | 'publishProgress'>;
  readonly artifacts: ArtifactStore;
  readonly pool: TrainingPool;
  readonly codeVersion: string;
}

/**
 * Handler of ml.job.fold: trains one fold or the final model, stores the network, and publishes ml.fold.trained. The
 * event's id comes from the job, and the same job gives the same weights, so that a job done twice is one event and one
 * artifact. Progress goes out live and is never waited for. Throws RK_MESSAGE_MISSING_FIELD, what the fit throws
 * (RK_TRAIN_INPUT, RK_TRAIN_DIVERGED, RK_SPEC_INVALID …: terminal), RK_TRAIN_WORKER_DIED and RK_DEADLINE_EXCEEDED (tried
 * again), and what the artifact store throws where the data set or the bundle is gone.
 */
export function trainFold(
  ports: TrainFoldPorts,
): (event: BusEvent<FoldJob>, context: HandlerContext) => Promise<void> {
  const datasets = new SharedDatasets(ports.artifacts);
  return async (event, { signal }) => {
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
    const spec = job.modelSpec as unknown as ModelSpec;
    const training = ports.pool.run(
      {
        datasetSha256: job.dataset.sha256,
        dataset,
        bundle,
        spec,
        seed: job.seed,
        onEpoch: ({ epoch, loss, metric, metricName }) => {
          ports.bus.publishProgress(job.runId, {
            runId: job.runId,
            fold: job.fold,
            final: job.final,
            epoch,
            epochs: spec.epochs,
            loss,
            metricName,
            metric,
          });
        },
      },
      signal,
    );
    const trained = await (job.trial === undefined ? training : orTrialFailed(ports, event, training));
    if (trained === undefined) return;
    const stored = await ports.artifacts.put(trained.model, artifactTypes.trainedModel);
    await ports.bus.publish(
      events.foldTrained,
      job.runId,
      {
        runId: job.runId,
        fold: job.fold,
        final: job.final,
        folds: job.folds,
        model: job.model,
        trained: stored,
        bundle: job.bundle,
        dataset: job.dataset,
        history: {
          loss: [...trained.history.loss],
          metricName: trained.metricName,
          metric: [...trained.history.metric],
        },
        environment: {
          backend: trained.backend,
          engine: trained.engine,
          engineVersion: trained.engineVersion,
          codeVersion: ports.codeVersion,
          nodeVersion: process.version,
          platform: `${process.platform}-${process.arch}`,
          worker: `${hostname()}/${process.pid}/${trained.thread}`,
        },
        durationMs: trained.durationMs,
        epochsRun: trained.epochsRun,
        trial: job.trial,
      },
      {
        id: derivedEventId(events.foldTrained.type, jobKeyOf(job.runId, job.fold, job.final)),
        cause: event,
        correlationId: job.runId,
      },
    );
  };
}

/**
 * What was trained; undefined where a trial can't be trained (it diverged, or its settings fit no network), which is a
 * result of the search, not a message that nobody could handle: announced as ml.trial.failed, once however often it is tried.
 */
async function orTrialFailed<T>(
  ports: Pick<TrainFoldPorts, 'bus'>,
  event: BusEvent<FoldJob>,
  training: Promise<T>,
): Promise<T | undefined> {
  try {
    return await training;
  } catch (error) {
    const { trial, runId, fold } = event.data;
    if (!(error instanceof TerminalError) || trial === undefined) throw error;
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
