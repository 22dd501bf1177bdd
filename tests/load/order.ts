import { events, jobKeyOf } from '@rookery/contracts';

import { distinctEvents } from '../chaos/history.js';
import type { StoredMessage, Violation } from '../chaos/history.js';

/** What is known about the order of a run of the suite. */
export interface OrderRecord {
  /** Runs in the order in which their data sets were published. */
  readonly published: readonly string[];
  /** ML_EVENTS and ML_JOBS, in their order. */
  readonly log: readonly StoredMessage[];
  readonly jobs: readonly StoredMessage[];
  /** Jobs that can be in hand at a time: processes × threads. */
  readonly trainers: number;
  /** Data sets that can pass an earlier one on the way to the jobs: the handlers of ingest and transform beside its own. */
  readonly leeway: number;
}

/**
 * Jobs are taken in the order of the queue: when one is done, all before it are done or in the hands of another trainer. And
 * the queue has the order of publication: a data set is passed by no more later ones than were being worked on beside it.
 */
export function checkOrder(record: OrderRecord): Violation[] {
  return [...checkTaking(record), ...checkQueue(record)];
}

function checkTaking({ log, jobs, trainers }: OrderRecord): Violation[] {
  const queue = distinctEvents(jobs, events.foldJob).map(({ data }) =>
    jobKeyOf(data.runId, data.fold, data.final),
  );
  const done = distinctEvents(log, events.foldTrained).map(({ data }) =>
    jobKeyOf(data.runId, data.fold, data.final),
  );
  const place = new Map(queue.map((key, k) => [key, k]));
  const finished = new Set<number>();
  let first = 0;
  const violations: Violation[] = [];
  for (const key of done) {
    const at = place.get(key);
    if (at === undefined) {
      violations.push({
        invariant: 'what was trained was a job',
        subject: key,
        evidence: 'it is not in the queue',
      });
      continue;
    }
    finished.add(at);
    while (finished.has(first)) first += 1;
    let open = 0;
    for (let k = first; k < at; k += 1) if (!finished.has(k)) open += 1;
    if (open < trainers) continue;
    const evidence = `${open} jobs before it were not done, and ${trainers} can be in hand, it among them`;
    violations.push({ invariant: 'jobs are taken in the order of the queue', subject: key, evidence });
  }
  return violations;
}

function checkQueue({ published, jobs, leeway }: OrderRecord): Violation[] {
  const firstJob = new Map<string, number>();
  for (const { data, sequence } of distinctEvents(jobs, events.foldJob)) {
    if (!firstJob.has(data.runId)) firstJob.set(data.runId, sequence);
  }
  const queued = published.filter((runId) => firstJob.has(runId));
  const rank = new Map(queued.map((runId, k) => [runId, k]));
  const inQueue = [...queued].sort((a, b) => (firstJob.get(a) ?? 0) - (firstJob.get(b) ?? 0));
  return inQueue.flatMap((runId, k) => {
    const before = inQueue.slice(0, k);
    const passedBy = before.filter((other) => (rank.get(other) ?? 0) > (rank.get(runId) ?? 0)).length;
    if (passedBy <= leeway) return [];
    const evidence = `${passedBy} data sets published after it had their jobs before it; ${leeway} may`;
    return [{ invariant: 'the queue has the order of publication', subject: runId, evidence }];
  });
}
