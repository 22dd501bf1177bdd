import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, BusEvent } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { FoldTrained, RunResumed } from '@rookery/proto/rookery/events/v1/run';

import { keepTrained } from './evaluate-trained.js';
import type { KeepTrainedPorts } from './evaluate-trained.js';
import type { JoinRun } from './join-run.js';

/** What making up an evaluation needs. */
export interface ResumeEvaluationPorts extends KeepTrainedPorts {
  readonly artifacts: Pick<ArtifactStore, 'put' | 'has'>;
  readonly bus: Pick<Bus, 'replay'>;
  readonly join: JoinRun;
}

/**
 * Handler of ml.run.resumed: begins another attempt of the evaluation, in which it is joined again. Results that are there
 * stay; a fold that the log has as trained and that has none, because evaluating it failed, is evaluated now; those still
 * to be trained come as ml.fold.trained. Throws what {@link keepTrained} and the join throw.
 */
export function resumeEvaluation(
  ports: ResumeEvaluationPorts,
): (event: BusEvent<RunResumed>) => Promise<void> {
  return async (event) => {
    const { evaluations, artifacts, bus, outbox } = ports;
    const { runId, runAttempt } = event.data;
    await evaluations.updateOne({ _id: runId }, { $setOnInsert: { joined: false } }, { upsert: true });
    await evaluations.updateOne(
      { _id: runId, $or: [{ attempt: { $exists: false } }, { attempt: { $lt: runAttempt } }] },
      { $set: { attempt: runAttempt, joined: false } },
    );
    const document = await evaluations.findOne({ _id: runId });
    for (const [fold, result] of Object.entries(document?.folds ?? {})) {
      // The join reads them: a result whose outputs are gone is none.
      if (await artifacts.has(result.outputsSha256)) continue;
      await evaluations.updateOne({ _id: runId }, { $unset: { [`folds.${fold}`]: true } });
    }
    for (const trained of await trainedOf(bus, runId)) {
      const sha256 = trained.data.trained?.sha256 ?? '';
      // Where the model is gone the fold is trained again, and comes then.
      if (sha256 !== '' && (await artifacts.has(sha256))) await keepTrained(ports, trained);
    }
    await ports.join(runId, event);
    await outbox.flush(evaluations, runId);
  };
}

/** The last ml.fold.trained of each job of a run. */
async function trainedOf(bus: Pick<Bus, 'replay'>, runId: string): Promise<BusEvent<FoldTrained>[]> {
  const found = new Map<number, BusEvent<FoldTrained>>();
  const replay = await bus.replay(events.foldTrained, {
    key: runId,
    onEvent: (event) => void found.set(event.data.fold, event),
  });
  await replay.done;
  return [...found.values()];
}
