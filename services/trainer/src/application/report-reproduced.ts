import type { ArtifactRef, ArtifactStore } from '@rookery/artifacts';
import type { Bus, BusEvent } from '@rookery/bus';
import { RookeryError, derivedEventId, events, jobKeyOf } from '@rookery/contracts';
import type { TrainingEnvironment } from '@rookery/proto/rookery/domain/v1/data';
import type { FoldJob, ReproductionJob } from '@rookery/proto/rookery/events/v1/run';

import { weightsSha256 } from '../domain/weights-sha256.js';

/** A job that was trained again. */
export interface Reproduced {
  readonly model: Uint8Array;
  readonly stored: ArtifactRef;
  readonly environment: TrainingEnvironment;
  readonly durationMs: number;
}

/**
 * Compares a job that was trained again with the model that its run recorded, and publishes ml.fold.reproduced. A recorded
 * model that is gone is no failure of the job: the event says so. Throws RK_ARTIFACT_UNAVAILABLE, to be tried again.
 */
export async function reportReproduced(
  ports: { readonly bus: Pick<Bus, 'publish'>; readonly artifacts: Pick<ArtifactStore, 'get'> },
  event: BusEvent<FoldJob>,
  reproduction: ReproductionJob,
  { model, stored, environment, durationMs }: Reproduced,
): Promise<void> {
  const { runId, fold, final } = event.data;
  const { reproductionId } = reproduction;
  const reproducedSha256 = weightsSha256(model);
  const recorded = await recordedWeights(ports.artifacts, reproduction.recorded?.sha256 ?? '');
  await ports.bus.publish(
    events.foldReproduced,
    runId,
    {
      reproductionId,
      runId,
      fold,
      final,
      equal: recorded.sha256 === reproducedSha256,
      recordedSha256: recorded.sha256,
      reproducedSha256,
      environment,
      trained: stored,
      durationMs,
      code: recorded.code,
      message: recorded.message,
    },
    {
      id: derivedEventId(events.foldReproduced.type, jobKeyOf(reproductionId, fold, final)),
      cause: event,
      correlationId: runId,
    },
  );
}

async function recordedWeights(
  artifacts: Pick<ArtifactStore, 'get'>,
  sha256: string,
): Promise<{ sha256: string; code: string; message: string }> {
  try {
    return { sha256: weightsSha256(await artifacts.get(sha256)), code: '', message: '' };
  } catch (error) {
    const gone = ['RK_ARTIFACT_NOT_FOUND', 'RK_ARTIFACT_CORRUPT'];
    if (!(error instanceof RookeryError) || !gone.includes(error.code)) throw error;
    return { sha256: '', code: error.code, message: `the recorded model can't be read: ${error.message}` };
  }
}
