import type { RunOutcome } from '@rookery/client';

/** How a run ended, as the JSON of the command line has it. */
export function plainOutcome(outcome: RunOutcome): Record<string, unknown> {
  const head = { state: outcome.state, runId: outcome.runId };
  switch (outcome.state) {
    case 'serving':
      return {
        ...head,
        model: outcome.swapped.model,
        version: outcome.swapped.version,
        publishedToServingMs: outcome.swapped.publishedToServingMs,
        metric: outcome.evaluated?.verdict?.metric,
        metrics: outcome.evaluated?.metrics,
      };
    case 'rejected':
      return { ...head, code: outcome.rejection.code, reasons: outcome.rejection.reasons };
    case 'failed':
      return {
        ...head,
        code: outcome.failure.code,
        message: outcome.failure.message,
        step: outcome.failure.step,
      };
    case 'cancelled':
      return { ...head, actor: outcome.cancelled.actor, reason: outcome.cancelled.reason };
    case 'dataset-rejected':
      return {
        ...head,
        code: outcome.rejection.code,
        message: outcome.rejection.message,
        hint: outcome.rejection.hint,
        details: outcome.rejection.details,
      };
  }
}
