import type { EventMeta, Outbox } from '@rookery/bus';
import { derivedEventId, events } from '@rookery/contracts';
import type { FoldTrained } from '@rookery/proto/rookery/events/v1/run';
import type { Collection } from '@rookery/store';
import { summariseMetrics } from '@rookery/tabular';

import type { EvaluationDocument } from '../adapters/evaluation-collection.js';
import type { FoldResult } from '../domain/evaluation.js';

/** Announces a trial if all its folds are in; does nothing otherwise, and nothing the second time. */
export type JoinTrial = (
  fold: Pick<FoldTrained, 'runId' | 'folds' | 'trial'>,
  cause: EventMeta,
) => Promise<void>;

/**
 * Joins the folds of a trial exactly once: mean and population standard deviation of every metric. A trial has no final
 * model, no verdict and no package: it is there to be compared. The metric that decides is the search's own business.
 */
export function joinFoldsOfTrial(ports: {
  readonly evaluations: Collection<EvaluationDocument>;
  readonly outbox: Outbox;
}): JoinTrial {
  const { evaluations, outbox } = ports;
  return async ({ runId, folds, trial }, cause) => {
    if (trial === undefined) return;
    const document = await evaluations.findOne({ _id: runId });
    if (document === null) return;
    const results = Object.values(document.folds ?? {}).sort(byFold);
    if (document.joined !== true && results.length === folds) {
      const entry = outbox.entry(
        events.trialEvaluated,
        trial.searchId,
        { trial, runId, metrics: summariseMetrics(results.map((result) => result.metrics)) },
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

const byFold = (a: FoldResult, b: FoldResult): number => a.fold - b.fold;
