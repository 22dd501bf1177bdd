import type { Violation } from '../chaos/history.js';

/** Tells of violations, a line each; of very many the first. */
export function tellViolations(violations: readonly Violation[], log: (line: string) => void): void {
  for (const { invariant, subject, evidence } of violations.slice(0, 200))
    log(`VIOLATION ${invariant}: ${subject}: ${evidence}`);
}
