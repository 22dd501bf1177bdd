import type { EventMeta, OutboxEntry } from '@rookery/bus';
import { events } from '@rookery/contracts';

import { advance } from './advance-search.js';
import { openSearch } from './open-search.js';
import type { SearchPorts } from './open-search.js';
import { planAttempt } from './plan-attempt.js';
import { takeFailure, takeScore } from './search-events.js';

/**
 * Goes on with the search of a run that is resumed: takes in the ends of trials that the log knows, and sends the folds of
 * the trials that are still under way again, as jobs of this attempt of the run. Trials that have ended stay as they are;
 * what is trained twice is the same to the bit, and counts once. The jobs are saved once an attempt, so a redelivery sends
 * nothing new. Does nothing for a search that has ended.
 */
export async function resumeSearch(
  ports: SearchPorts,
  searchId: string,
  runAttempt: number,
  cause: EventMeta,
): Promise<void> {
  const { searches, outbox, bus, logger } = ports;
  const end: Parameters<typeof takeScore>[0] = (id, attempt, meta) => advance(ports, id, attempt, meta);
  await (
    await bus.replay(events.trialEvaluated, { key: searchId, onEvent: takeScore(end) })
  ).done;
  await (
    await bus.replay(events.trialFailed, { key: searchId, onEvent: takeFailure(end) })
  ).done;
  for (;;) {
    const document = await searches.findOne({ _id: searchId });
    if (document === null || document.state !== 'running' || (document.resumedIn ?? 1) >= runAttempt) break;
    const search = openSearch(document);
    const jobs: OutboxEntry[] = [];
    for (const { trial, rung, status } of Object.values(document.attempts)) {
      if (status !== 'running') continue;
      const { announced } = await planAttempt(ports, search, { trial, rung }, cause, runAttempt);
      jobs.push(...announced.filter(({ type }) => type === events.foldJob.type));
    }
    // Only to the state that the jobs were computed from: what ended meanwhile is not sent.
    const { begun, ended, resumedIn } = document;
    const { modified } = await searches.updateOne(
      { _id: searchId, begun, ended, state: 'running', resumedIn: resumedIn ?? { $exists: false } },
      { $set: { resumedIn: runAttempt }, $push: { outbox: { $each: jobs } } },
    );
    if (modified === 0) continue;
    logger.info({ runId: searchId, runAttempt, jobs: jobs.length }, 'the search of a resumed run goes on');
    break;
  }
  await outbox.flush(searches, searchId);
}
