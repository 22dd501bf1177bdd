/*
 * A registry that takes every delivery of ml.run.evaluated for a new one: the chaos suite builds it in the place of what
 * decide-run.ts imports, and must notice.
 */
export * from '../../src/application/pending-facts.js';
export * from '../../src/domain/run-state.js';

/** No run has been decided before. */
export function isTerminal(): boolean {
  return false;
}

/** No decision waits to be copied out. */
export function pendingRun(): undefined {
  return undefined;
}
