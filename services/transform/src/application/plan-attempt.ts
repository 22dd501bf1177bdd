import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { RetryableError, derivedEventId, events, toRookeryError, trialRunIdOf } from '@rookery/contracts';

import type { AttemptPart } from '../adapters/search-collection.js';
import type { TrialAttempt } from '../domain/search/next-trials.js';
import { failureEntry, failureMessage } from './attempt-end.js';
import { pointOf, sourceOfAttempt } from './open-search.js';
import type { OpenSearch, SearchPorts } from './open-search.js';
import { jobEntry, planRun } from './start-run.js';

/**
 * An attempt with the events that announce it: ml.trial.started and a job for each fold. One whose settings fit no network
 * has failed already, with the reason. Its jobs are of the run's attempt that is given. Throws what may be tried again, such as an artifact store that is away.
 */
export async function planAttempt(
  ports: SearchPorts,
  search: OpenSearch,
  attempt: TrialAttempt,
  cause: EventMeta,
  runAttempt = 1,
): Promise<{ part: AttemptPart; announced: OutboxEntry[] }> {
  const { searchId, plan, source, event, started } = search;
  const values = pointOf(plan, attempt.trial);
  const trial = { searchId, ...attempt };
  const runId = trialRunIdOf(searchId, attempt.trial, attempt.rung);
  const running = { ...attempt, status: 'running' as const, point: JSON.stringify(values), epochs: 0 };
  let planned;
  try {
    planned = await planRun(ports, searchId, event, sourceOfAttempt(source, plan, attempt), runAttempt);
  } catch (error) {
    const fault = toRookeryError(error);
    if (fault instanceof RetryableError) throw error;
    const failure = { ...attempt, code: fault.code, message: fault.message, step: 'plan' };
    return {
      part: { ...running, status: 'failed', code: failure.code, message: failureMessage(failure) },
      announced: [failureEntry(ports.outbox, started, failure, cause)],
    };
  }
  const epochs = Number(planned.run.modelSpec?.['epochs']);
  return {
    part: { ...running, epochs },
    announced: [
      ports.outbox.entry(
        events.trialStarted,
        searchId,
        {
          trial,
          runId,
          model: started.model,
          folds: started.folds,
          epochs,
          metric: started.metric,
          point: values,
          modelSpec: planned.run.modelSpec,
        },
        { id: derivedEventId(events.trialStarted.type, runId), cause, correlationId: searchId },
      ),
      ...planned.jobs
        .filter((job) => !job.final)
        .map((job) => jobEntry(ports.outbox, { ...job, runId, trial }, cause)),
    ],
  };
}
