import type { Logger } from '@rookery/telemetry';

/** One step of stopping. It gets the milliseconds it may take. */
export interface StopStep {
  name: string;
  run(budgetMs: number, signal: AbortSignal): Promise<unknown> | void;
}

/**
 * Runs `steps` one after the other, all within `timeoutMs`. A step that fails or takes too long is logged and left
 * behind: the next ones still run, each with a little time (at least 200 ms) even where the budget is used up. Resolves
 * to the names of the steps that did not end well; never rejects.
 */
export async function runStopSteps(
  steps: readonly StopStep[],
  timeoutMs: number,
  logger: Logger,
): Promise<string[]> {
  const startedAt = performance.now();
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  const failed: string[] = [];
  for (const step of steps) {
    const budgetMs = Math.max(200, timeoutMs - (performance.now() - startedAt));
    try {
      if (!(await within(budgetMs, async () => step.run(budgetMs, controller.signal)))) {
        failed.push(step.name);
        logger.warn(
          { step: step.name, budget_ms: Math.round(budgetMs) },
          'stopping: a step did not end in time',
        );
      }
    } catch (error) {
      failed.push(step.name);
      logger.error({ err: error, step: step.name }, 'stopping: a step failed');
    }
  }
  clearTimeout(timer);
  return failed;
}

/** True if `run` ended within `ms`. */
async function within(ms: number, run: () => Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([run().then(() => true), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
