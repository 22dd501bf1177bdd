import { checkDatabases } from './check-databases.js';
import { checkAliases, checkServed, checkVersions } from './check-models.js';
import { checkAnswers, checkCaptures, checkVersionsSeen } from './check-predictions.js';
import type { CaptureAccount } from './check-predictions.js';
import { checkEndings, checkEvaluations, checkHanging } from './check-runs.js';
import type { History, Violation } from './history.js';

/** What the history shows. */
export interface Verdict {
  readonly violations: readonly Violation[];
  readonly captures: CaptureAccount;
}

/** Holds a history against all invariants. Pure: the same history gives the same verdict. */
export function checkHistory(history: History): Verdict {
  const { violations, account } = checkCaptures(history);
  return {
    violations: [
      ...checkEndings(history),
      ...checkHanging(history),
      ...checkEvaluations(history),
      ...checkVersions(history),
      ...checkAliases(history),
      ...checkServed(history),
      ...checkDatabases(history),
      ...checkVersionsSeen(history),
      ...checkAnswers(history),
      ...violations,
      ...history.crashes.map((evidence) => ({
        invariant: 'a service ends only when it is told to',
        subject: evidence.split(' ')[0] ?? '',
        evidence,
      })),
    ],
    captures: account,
  };
}
