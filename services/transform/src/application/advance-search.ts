import { TerminalError, trialRunIdOf } from '@rookery/contracts';
import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { isBetter } from '@rookery/tabular';

import type { AttemptPart } from '../adapters/search-collection.js';
import { countsOf, failureEntry, noteEnd } from './attempt-end.js';
import type { AttemptEnd } from './attempt-end.js';
import { nextTrials } from '../domain/search/next-trials.js';
import type { AttemptState } from '../domain/search/next-trials.js';
import { finishSearch } from './finish-search.js';
import { openSearch } from './open-search.js';
import type { SearchPorts } from './open-search.js';
import { planAttempt } from './plan-attempt.js';

/** Takes the end of an attempt into its search and does what follows: more trials, or the run of the best. */
export function endAttempt(
  ports: SearchPorts,
): (searchId: string, end: AttemptEnd, cause: EventMeta) => Promise<void> {
  return (searchId, end, cause) => advance(ports, searchId, end, cause);
}

/**
 * One step of a search: an end is noted once (the first counts), the next attempts are planned, and both are saved in one
 * write that is made only to the state it was computed from. Nothing to note and nothing to start writes nothing.
 */
export async function advance(
  ports: SearchPorts,
  searchId: string,
  end: AttemptEnd | undefined,
  cause: EventMeta,
): Promise<void> {
  const { searches, outbox } = ports;
  for (;;) {
    const document = await searches.findOne({ _id: searchId });
    if (document === null) {
      throw new TerminalError('RK_RUN_NOT_FOUND', `There is no search ${searchId}`, {
        details: { runId: searchId },
      });
    }
    if (document.state !== 'running') break;
    const search = openSearch(document);
    const attempts = { ...document.attempts };
    const entries: OutboxEntry[] = [];
    if (end !== undefined && noteEnd(attempts, search.started, end) && 'unannounced' in end)
      entries.push(failureEntry(outbox, search.started, end, cause));
    const next = nextTrials(search.plan, states(attempts), (a, b) => isBetter(search.started.metric, a, b));
    for (const attempt of next.start) {
      const { part, announced } = await planAttempt(ports, search, attempt, cause);
      attempts[trialRunIdOf(searchId, attempt.trial, attempt.rung)] = part;
      entries.push(...announced);
    }
    if (JSON.stringify(attempts) === JSON.stringify(document.attempts) && !next.finished) break;
    const finish = next.finished ? await finishSearch(ports, search, attempts, next.best, cause) : undefined;
    const { modified } = await searches.updateOne(
      { _id: searchId, begun: document.begun, ended: document.ended, state: 'running' },
      {
        $set: { attempts, ...countsOf(attempts), ...finish?.fields },
        $push: { outbox: { $each: [...entries, ...(finish?.entries ?? [])] } },
      },
    );
    // A trial that could not even be planned has ended already: what follows from that is the next step.
    const ended = next.start.some(
      ({ trial, rung }) => attempts[trialRunIdOf(searchId, trial, rung)]?.status !== 'running',
    );
    if (modified === 1 && !ended) break;
  }
  await outbox.flush(searches, searchId);
}

const states = (attempts: Readonly<Record<string, AttemptPart>>): AttemptState[] =>
  Object.values(attempts).map(({ trial, rung, status, score }) => ({
    trial,
    rung,
    status,
    ...(score === undefined ? {} : { score }),
  }));
