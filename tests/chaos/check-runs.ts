import { attemptOf, events } from '@rookery/contracts';
import type { RunEvaluated, RunStarted } from '@rookery/proto/rookery/events/v1/run';

import { distinctEvents, groupBy, runOf } from './history.js';
import type { Expectation, History, StoredMessage, Violation } from './history.js';

/** A final state of a data set, as the log tells it. */
export interface Ending {
  readonly id: string;
  readonly state: 'dataset-rejected' | 'completed' | 'failed' | 'cancelled';
  readonly version: number;
  readonly promoted: boolean;
  readonly reason: string;
}

/**
 * The final states that the log holds, by run; for a rejected data set, the run it would have had. An attempt that failed
 * and was resumed is none, nor is a rejection whose data set was taken in after all.
 */
export function endingsOf(log: readonly StoredMessage[]): Map<string, Ending[]> {
  const resumed = new Set(
    distinctEvents(log, events.runResumed).map(({ data }) => `${data.runId}/${data.runAttempt - 1}`),
  );
  const takenIn = new Map(
    distinctEvents(log, events.datasetIngested).map(({ sequence, data }) => [data.requestEventId, sequence]),
  );
  const refusals = distinctEvents(log, events.datasetRejected).filter(
    ({ sequence, data }) => (takenIn.get(data.requestEventId) ?? 0) < sequence,
  );
  const rejected = refusals.map(({ id, data }) => ({
    runId: runOf({ eventId: data.requestEventId }),
    ending: { id, state: 'dataset-rejected' as const, version: 0, promoted: false, reason: data.code },
  }));
  const completed = distinctEvents(log, events.runCompleted).map(({ id, data }) => ({
    runId: data.runId,
    ending: {
      id,
      state: 'completed' as const,
      version: data.version,
      promoted: data.outcome === 1,
      reason: data.reasons.join('; '),
    },
  }));
  const failures = distinctEvents(log, events.runFailed).filter(
    ({ data }) => !resumed.has(`${data.runId}/${attemptOf(data.runAttempt)}`),
  );
  const cancelled = distinctEvents(log, events.runCancelled).map(({ id, data }) => ({
    runId: data.runId,
    ending: { id, state: 'cancelled' as const, version: 0, promoted: false, reason: data.reason },
  }));
  const failed = failures.map(({ id, data }) => ({
    runId: data.runId,
    ending: {
      id,
      state: 'failed' as const,
      version: 0,
      promoted: false,
      reason: `${data.code} ${data.step}: ${data.message}`,
    },
  }));
  const grouped = groupBy([...rejected, ...completed, ...failed, ...cancelled], ({ runId }) => runId);
  return new Map([...grouped].map(([runId, found]) => [runId, found.map(({ ending }) => ending)]));
}

const allowed: Readonly<Record<Expectation, readonly Ending['state'][]>> = {
  completed: ['completed'],
  'gate-rejected': ['completed'],
  'dataset-rejected': ['dataset-rejected'],
  failed: ['failed', 'dataset-rejected'],
};

/** Every published data set has one final state, the one its content calls for, and the registry knows the same. */
export function checkEndings(history: Pick<History, 'log' | 'published' | 'runs'>): Violation[] {
  const endings = endingsOf(history.log);
  const records = new Map(history.runs.map((run) => [run.runId, run]));
  return history.published.flatMap((published): Violation[] => {
    const runId = runOf(published);
    const found = endings.get(runId) ?? [];
    const subject = `${runId} (${published.name}, round ${published.round})`;
    const [ending] = found;
    if (!ending || found.length > 1) {
      const told = found.map(({ state, id }) => `${state} by ${id}`).join(', ') || 'no final state';
      return [{ invariant: 'one final state for each data set', subject, evidence: told }];
    }
    const violations: Violation[] = [];
    if (!allowed[published.expected].includes(ending.state)) {
      violations.push({
        invariant: 'a fault does not change how a data set ends',
        subject,
        evidence: `${ending.state} (${ending.reason}), expected ${published.expected}`,
      });
    }
    const record = records.get(runId);
    const known = {
      'dataset-rejected': undefined,
      failed: 'failed',
      cancelled: 'cancelled',
      completed: 'rejected',
    }[ending.state];
    const wanted = ending.promoted ? 'promoted' : known;
    if (ending.state !== 'dataset-rejected' && record?.state !== wanted) {
      violations.push({
        invariant: 'the registry knows the final state of the log',
        subject,
        evidence: `the log says ${wanted}, the registry ${record?.state ?? 'nothing'}`,
      });
    }
    return violations;
  });
}

/** Nothing that began goes on for ever: every run that was started, or that the registry knows, has a final state. */
export function checkHanging(history: History): Violation[] {
  const endings = endingsOf(history.log);
  const published = new Set(history.published.map(runOf));
  const started = distinctEvents(history.log, events.runStarted).map(({ data }) => data.runId);
  const violations: Violation[] = [...new Set(started)]
    .filter((runId) => !published.has(runId) && !endings.has(runId))
    .map((runId) => ({
      invariant: 'no run hangs',
      subject: runId,
      evidence: 'started, by none of the data sets that were published, and never ended',
    }));
  for (const { runId, state } of history.runs) {
    if (state !== 'open' || endings.has(runId)) continue;
    violations.push({
      invariant: 'no run hangs',
      subject: runId,
      evidence: 'the registry holds it for open',
    });
  }
  return violations;
}

/** Copies of an event are equal, and a run has one plan and an evaluation an attempt, in which each fold counts once. */
export function checkEvaluations(history: Pick<History, 'log'>): Violation[] {
  const violations: Violation[] = [];
  for (const [id, copies] of groupBy(history.log, (message) => message.id)) {
    const [first, ...others] = copies;
    const different = others.find(({ raw }) => first && !sameBytes(first.raw, raw));
    if (first && different) {
      const evidence = `${first.subject}: sequences ${first.sequence} and ${different.sequence} differ`;
      violations.push({ invariant: 'copies of an event are equal', subject: id, evidence });
    }
  }
  const plans = groupBy(distinctEvents(history.log, events.runStarted), ({ data }) => data.runId);
  for (const [runId, found] of plans) {
    if (found.length === 1) continue;
    const evidence = found.map(({ id, sequence }) => `${id} at ${sequence}`).join(', ');
    violations.push({ invariant: 'one plan for each run', subject: runId, evidence });
  }
  const evaluations = groupBy(distinctEvents(history.log, events.runEvaluated), ({ data }) => data.runId);
  for (const [runId, found] of evaluations) {
    const attempts = new Set(found.map(({ data }) => attemptOf(data.runAttempt)));
    if (found.length > attempts.size) {
      const evidence = found.map(({ id, sequence }) => `${id} at ${sequence}`).join(', ');
      violations.push({ invariant: 'one evaluation for each run', subject: runId, evidence });
    }
    const plan = plans.get(runId)?.[0]?.data;
    for (const { data } of found) {
      violations.push(
        ...checkFolds(data, plan).map((evidence) => ({
          invariant: 'each fold counts once',
          subject: runId,
          evidence,
        })),
      );
    }
  }
  return violations;
}

function checkFolds(evaluated: RunEvaluated, plan: RunStarted | undefined): string[] {
  if (!plan) return ['it was evaluated without a plan'];
  const problems: string[] = [];
  const numbers = evaluated.folds.map(({ fold }) => fold).sort((a, b) => a - b);
  if (numbers.length !== plan.folds || numbers.some((fold, k) => fold !== k)) {
    problems.push(`folds ${numbers.join(', ')} of ${plan.folds}`);
  }
  const rows = evaluated.folds.reduce((sum, fold) => sum + fold.rows, 0);
  if (rows !== plan.rows) problems.push(`${rows} held-out rows of ${plan.rows}`);
  const counted = evaluated.confusion?.counts.reduce((sum, count) => sum + count, 0) ?? plan.rows;
  if (counted !== plan.rows) problems.push(`the confusion matrix counts ${counted} rows of ${plan.rows}`);
  for (const [name, { mean }] of Object.entries(evaluated.metrics)) {
    const values = evaluated.folds.map(({ metrics }) => metrics[name] ?? NaN);
    const own = values.reduce((sum, value) => sum + value, 0) / values.length;
    if (Math.abs(own - mean) > 1e-9 * Math.max(1, Math.abs(mean))) {
      problems.push(`mean ${name} is ${mean}, that of the folds ${own}`);
    }
  }
  return problems;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
