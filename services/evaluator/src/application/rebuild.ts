import type { OutboxCollection } from '@rookery/bus';
import { attemptOf, events } from '@rookery/contracts';
import { FoldTrained, RunStarted } from '@rookery/proto/rookery/events/v1/run';
import type { FoldEvaluated } from '@rookery/proto/rookery/events/v1/run';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { FoldResult } from '../domain/evaluation.js';
import { evaluateFold } from './evaluate-trained.js';
import type { EvaluateTrainedPorts } from './evaluate-trained.js';

/**
 * How the evaluations come out of the log: plans and final models as they were announced, results of folds as the evaluator
 * announced them. A result that was announced without its outputs (by an earlier version) and whose run is not joined is
 * computed again from the artifacts, which gives the same numbers.
 */
export function evaluatorRebuild(
  ports: Pick<EvaluateTrainedPorts, 'evaluations' | 'reader' | 'artifacts' | 'plugins'>,
): RebuildSpec {
  const { evaluations } = ports;
  const trained = new Map<string, Map<number, FoldTrained>>();
  const set = async (runId: string, fields: Record<string, unknown>): Promise<void> => {
    await evaluations.updateOne({ _id: runId }, { $set: fields }, { upsert: true });
  };
  const setFold = async (runId: string, result: FoldResult): Promise<void> => {
    const path = `folds.${result.fold}`;
    await evaluations.updateOne({ _id: runId }, {}, { upsert: true });
    const unknown = { $or: [{ [path]: { $exists: false } }, { [`${path}.outputsSha256`]: '' }] };
    await evaluations.updateOne({ _id: runId, ...unknown }, { $set: { [path]: result } });
  };
  const setFinal = async (data: FoldTrained): Promise<void> => {
    await evaluations.updateOne({ _id: data.runId }, {}, { upsert: true });
    await evaluations.updateOne(
      { _id: data.runId, cancelled: { $exists: false } },
      { $set: { final: JSON.stringify(FoldTrained.toJSON(data)) } },
    );
  };
  /** A join of an earlier attempt than the one that the run is in says nothing about it. */
  const setJoined = async (runId: string, attempt: number): Promise<void> => {
    await evaluations.updateOne({ _id: runId }, {}, { upsert: true });
    await evaluations.updateOne(
      { _id: runId, $or: [{ attempt: { $exists: false } }, { attempt: { $lte: attempt } }] },
      { $set: { joined: true } },
    );
  };
  return {
    collections: [evaluations.name],
    outboxes: [evaluations satisfies OutboxCollection],
    projections: [
      projection(events.runStarted, ({ data }) =>
        set(data.runId, { plan: JSON.stringify(RunStarted.toJSON(data)) }),
      ),
      projection(events.foldTrained, async ({ data }) => {
        if (data.final) return setFinal(data);
        const folds = trained.get(data.runId) ?? new Map<number, FoldTrained>();
        trained.set(data.runId, folds.set(data.fold, data));
      }),
      projection(events.foldEvaluated, async ({ data }) => {
        const fold = data.result?.fold ?? 0;
        await setFold(data.runId, resultOf(data, trained.get(data.runId)?.get(fold)));
        if (data.outputs) trained.get(data.runId)?.delete(fold);
      }),
      projection(events.runEvaluated, async ({ data }) => {
        trained.delete(data.runId);
        await setJoined(data.runId, attemptOf(data.runAttempt));
      }),
      projection(events.trialEvaluated, async ({ data }) => {
        trained.delete(data.runId);
        await set(data.runId, { joined: true });
      }),
      projection(events.runResumed, async ({ data: { runId, runAttempt } }) => {
        await evaluations.updateOne({ _id: runId }, {}, { upsert: true });
        await evaluations.updateOne(
          { _id: runId, $or: [{ attempt: { $exists: false } }, { attempt: { $lt: runAttempt } }] },
          { $set: { attempt: runAttempt, joined: false } },
        );
      }),
      projection(events.runCancelled, async ({ data }) => {
        trained.delete(data.runId);
        await set(data.runId, { cancelled: true });
      }),
      projection(events.runFailed, async ({ data }) => void trained.delete(data.runId)),
    ],
    finish: async () => {
      for (const [runId, folds] of trained) {
        const document = await evaluations.findOne({ _id: runId });
        for (const [fold, data] of folds) {
          if (document?.folds?.[String(fold)]?.outputsSha256 !== '') continue;
          await setFold(runId, (await evaluateFold(ports, data)).result);
        }
      }
    },
  };
}

/** The result of a fold as its ml.fold.evaluated tells it. */
export function resultOf(data: FoldEvaluated, source: FoldTrained | undefined): FoldResult {
  const { result, confusion, labelConfusions, outputs, trainedSha256, bundleSha256 } = data;
  const width = confusion?.classes.length ?? 0;
  const counts = confusion?.counts ?? [];
  return {
    fold: result?.fold ?? 0,
    rows: result?.rows ?? 0,
    metrics: result?.metrics ?? {},
    confusion: Array.from({ length: width }, (_, row) => counts.slice(row * width, (row + 1) * width)),
    ...(labelConfusions.length === 0 ? {} : { labelConfusions }),
    trainedSha256: trainedSha256 || (source?.trained?.sha256 ?? ''),
    outputsSha256: outputs?.sha256 ?? '',
    ...(bundleSha256 === '' ? {} : { bundleSha256 }),
  };
}
