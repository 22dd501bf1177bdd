import type { Bus } from '@rookery/bus';
import { events, jobKeyOf } from '@rookery/contracts';

import type { WorkQueues } from '../application/ports.js';

/** Durable consumers that carry a search forward. */
const durables = {
  job: 'trainer',
  evaluation: 'evaluator',
  scores: 'transform-trials',
  failures: 'transform-trial-failures',
} as const;

/** Looks at searches through the bus: the last event of each kind says how far one is, the queues whether it goes on. */
export function createSearchLook(bus: Pick<Bus, 'inHand' | 'lastOf' | 'replay'>): WorkQueues['search'] {
  return async (runId) => {
    const begun = await bus.lastOf(events.searchStarted, runId);
    if (begun === undefined || (await bus.lastOf(events.searchCompleted, runId)) !== undefined)
      return undefined;
    const [started, evaluated, failed] = await Promise.all([
      bus.lastOf(events.trialStarted, runId),
      bus.lastOf(events.trialEvaluated, runId),
      bus.lastOf(events.trialFailed, runId),
    ]);
    let [sequence, last] = [begun.sequence, 'it was started'];
    for (const { event, what } of [
      { event: started, what: 'was started' },
      { event: evaluated, what: 'was evaluated' },
      { event: failed, what: 'failed' },
    ]) {
      if (event === undefined || event.sequence < sequence) continue;
      const { trial, rung } = event.data.trial ?? { trial: 0, rung: 0 };
      [sequence, last] = [event.sequence, `trial ${trial} (rung ${rung}) ${what}`];
    }
    return { print: String(sequence), last, inHand: () => inHand(bus, runId) };
  };
}

/** Whether a job of a trial under way waits or is worked at, or the end of one has not been taken in. */
async function inHand(bus: Pick<Bus, 'inHand' | 'replay'>, searchId: string): Promise<boolean> {
  if (await bus.inHand(events.trialEvaluated, searchId, durables.scores)) return true;
  if (await bus.inHand(events.trialFailed, searchId, durables.failures)) return true;
  const underWay = new Map<string, number>();
  const ended = ({ data }: { data: { runId: string } }): void => void underWay.delete(data.runId);
  const key = searchId;
  await (
    await bus.replay(events.trialStarted, {
      key,
      onEvent: ({ data }) => void underWay.set(data.runId, data.folds),
    })
  ).done;
  await (
    await bus.replay(events.trialEvaluated, { key, onEvent: ended })
  ).done;
  await (
    await bus.replay(events.trialFailed, { key, onEvent: ended })
  ).done;
  for (const [runId, folds] of underWay) {
    if (await bus.inHand(events.foldTrained, runId, durables.evaluation)) return true;
    for (let fold = 0; fold < folds; fold += 1)
      if (await bus.inHand(events.foldJob, jobKeyOf(runId, fold, false), durables.job)) return true;
  }
  return false;
}
