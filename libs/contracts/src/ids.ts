import { createHash } from 'node:crypto';

import { TerminalError } from './errors.js';

const keyPattern = /^[A-Za-z0-9_-]{1,64}$/;

/** Whether a string may be a token of a subject: 1 to 64 of A-Z, a-z, 0-9, _ and -. */
export function isKey(value: string): boolean {
  return keyPattern.test(value);
}

/** Returns the key itself, or throws RK_KEY_INVALID naming `what` and the value. */
export function requireKey(value: string, what: string): string {
  if (!keyPattern.test(value)) {
    const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
    throw new TerminalError('RK_KEY_INVALID', `${what} ${JSON.stringify(shown)} is not valid`, {
      details: { field: what, value: shown },
    });
  }
  return value;
}

/** First `length` hexadecimal digits of the sha256 of the parts, which are separated unambiguously. */
export function digestOf(length: number, ...parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part.length}:`).update(part);
  return hash.digest('hex').slice(0, length);
}

/** Id of a run: the same event always gives the same run. */
export function runIdOf(requestEventId: string): string {
  return `run-${digestOf(16, 'run', requestEventId)}`;
}

/** Id of a data set version: the same event always gives the same one. */
export function datasetIdOf(requestEventId: string): string {
  return `ds-${digestOf(16, 'dataset', requestEventId)}`;
}

/** Id that the folds of one attempt of a trial carry in place of a run's. */
export function trialRunIdOf(searchId: string, trial: number, rung: number): string {
  return `${searchId}-t${trial}r${rung}`;
}

/** Key of a job: run and fold, or run and final. */
export function jobKeyOf(runId: string, fold: number, final: boolean): string {
  return final ? `${runId}-final` : `${runId}-f${fold}`;
}

/** Number of an attempt as a message carries it: 0, which proto3 leaves out, means the first. */
export function attemptOf(runAttempt: number): number {
  return Math.max(1, runAttempt);
}

/**
 * What ids of an attempt's events are derived from beside their aggregate: nothing for the first attempt, so that a run
 * that is never resumed has the ids that it always had.
 */
export function attemptParts(runAttempt: number): string[] {
  const attempt = attemptOf(runAttempt);
  return attempt === 1 ? [] : [`attempt-${attempt}`];
}

/** Id of the event of one type that follows from a cause: publishing it twice is one event. */
export function derivedEventId(type: string, ...cause: readonly string[]): string {
  return `${type.replaceAll('.', '-')}-${digestOf(24, type, ...cause)}`;
}
