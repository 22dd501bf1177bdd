import type { EventMeta, Outbox } from '@rookery/bus';
import { derivedEventId, events } from '@rookery/contracts';
import type { FoldTrained } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import { summariseMetrics } from '@rookery/tabular';
import type { TargetEncoder } from '@rookery/tabular';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';
import type { FoldResult } from '../domain/evaluation.js';
import type { ArtifactReader } from './artifact-reader.js';
import { tuneThresholds } from './tune-thresholds.js';

/** Announces a trial if all its folds are in; does nothing otherwise, and nothing the second time. */
export type JoinTrial = (
  fold: Pick<FoldTrained, 'runId' | 'folds' | 'trial' | 'dataset'>,
  cause: EventMeta,
) => Promise<void>;

/**
 * Joins the folds of a trial exactly once: mean and population standard deviation of every metric. A trial has no final
 * model, no verdict and no package: it is there to be compared, by thresholds that are tuned as those of a run where the request asks
 * for it. The metric that decides is the search's own business. Throws what the reader throws.
 */
export function joinFoldsOfTrial(ports: {
  readonly evaluations: Collection<EvaluationDocument>;
  readonly outbox: Outbox;
  readonly reader: ArtifactReader;
}): JoinTrial {
  const { evaluations, outbox, reader } = ports;
  return async ({ runId, folds, trial, dataset }, cause) => {
    if (trial === undefined) return;
    const document = await evaluations.findOne({ _id: runId });
    if (document === null) return;
    const results = Object.values(document.folds ?? {}).sort(byFold);
    if (document.joined !== true && results.length === folds) {
      const judged = await judgedFolds(reader, runId, results, dataset?.sha256 ?? '');
      const entry = outbox.entry(
        events.trialEvaluated,
        trial.searchId,
        { trial, runId, metrics: summariseMetrics(judged.map((fold) => fold.metrics)) },
        {
          id: derivedEventId(events.trialEvaluated.type, runId),
          cause,
          correlationId: trial.searchId,
        },
      );
      await evaluations.updateOne(
        { _id: runId, joined: { $ne: true } },
        { $set: { joined: true }, $push: { outbox: entry } },
      );
    }
    await outbox.flush(evaluations, runId);
  };
}

/** The folds as a run would be told of them. */
async function judgedFolds(
  reader: ArtifactReader,
  runId: string,
  folds: readonly FoldResult[],
  dataset: string,
): Promise<readonly FoldResult[]> {
  const sha256 = folds[0]?.bundleSha256;
  if (sha256 === undefined) return folds;
  const [table, bundle, ...outputs] = await Promise.all([
    reader.table(dataset),
    reader.bundle(sha256),
    ...folds.map((fold) => reader.outputs(fold.outputsSha256)),
  ]);
  const { targetJson, weightColumn } = bundle;
  const encoder = JSON.parse(targetJson) as TargetEncoder;
  return (await tuneThresholds(reader, { runId, folds }, { table, encoder, outputs, weightColumn })).folds;
}

const byFold = (a: FoldResult, b: FoldResult): number => a.fold - b.fold;
