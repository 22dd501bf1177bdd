import type { Bus } from '@rookery/bus';
import { events, isKey, jobKeyOf } from '@rookery/contracts';

import type { WorkQueues } from '../application/ports.js';
import { createSearchLook } from './search-look.js';

/** Durable consumers of the services that carry a run forward, by the event that they wait for. */
const durables = {
  plan: 'transform',
  resumption: 'transform-resumed',
  reproduction: 'transform-reproducing',
  job: 'trainer',
  evaluation: 'evaluator',
  join: 'evaluator-resumed',
  decision: 'registry-run-evaluated',
} as const;

/** What the broker still holds for the services of the path. */
export function createWorkQueues(bus: Pick<Bus, 'inHand' | 'lastOf' | 'replay'>): WorkQueues {
  return {
    plan: async (dataset, runId) =>
      (isKey(dataset) && (await bus.inHand(events.datasetIngested, dataset, durables.plan))) ||
      bus.inHand(events.runResumed, runId, durables.resumption),
    search: createSearchLook(bus),
    job: async (runId, fold, final) =>
      (await bus.inHand(events.foldJob, jobKeyOf(runId, fold, final), durables.job)) ||
      bus.inHand(events.runResumed, runId, durables.resumption),
    reproduction: async (reproductionId, runId, fold, final) =>
      (await bus.inHand(events.foldJob, jobKeyOf(reproductionId, fold, final), durables.job)) ||
      bus.inHand(events.runReproducing, runId, durables.reproduction),
    evaluation: async (runId) =>
      (await bus.inHand(events.foldTrained, runId, durables.evaluation)) ||
      bus.inHand(events.runResumed, runId, durables.join),
    decision: (runId) => bus.inHand(events.runEvaluated, runId, durables.decision),
  };
}
