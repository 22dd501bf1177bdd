import { TerminalError, events } from '@rookery/contracts';
import { repeatEvery } from '@rookery/bus';
import type { Bus, Logger, Stop } from '@rookery/bus';

/** Which runs are cancelled, as far as this trainer works for them. */
export interface CancelledRuns {
  /**
   * Does work of a run until that is cancelled: resolves `undefined` where it is, at once where it was before. The signal
   * that the work gets aborts with a cancellation, and with `outer`.
   */
  unlessCancelled<T>(
    runId: string,
    outer: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined>;
  stop: Stop;
}

/** How often runs at work are looked up beside the live event: one that passed while the connection was down is noticed. */
const lookEveryMs = 500;

/**
 * Follows `run.cancelled` live, and looks it up in the log before each work begins, so that a trainer that starts late, or
 * gets a job late, knows too.
 */
export async function followCancelledRuns(
  bus: Pick<Bus, 'tail' | 'lastOf'>,
  logger: Pick<Logger, 'info' | 'warn'>,
): Promise<CancelledRuns> {
  const atWork = new Map<string, Set<AbortController>>();
  const prefix = `${events.runCancelled.type}.`;
  const cancel = (runId: string): void => {
    for (const controller of atWork.get(runId) ?? []) controller.abort(cancelled(runId));
  };
  const isCancelled = async (runId: string): Promise<boolean> =>
    (await bus.lastOf(events.runCancelled, runId)) !== undefined;
  const stopTail = await bus.tail([events.runCancelled.filter], ({ subject }) => {
    cancel(subject.slice(prefix.length));
  });
  const look = async (): Promise<void> => {
    for (const runId of [...atWork.keys()]) if (await isCancelled(runId)) cancel(runId);
  };
  const stopLooking = repeatEvery(lookEveryMs, {
    work: look,
    failed: (error) => logger.warn({ err: error }, 'cancelled runs could not be looked up'),
  });

  return {
    async unlessCancelled(runId, outer, work) {
      const controller = new AbortController();
      const jobs = atWork.get(runId) ?? new Set();
      atWork.set(runId, jobs.add(controller));
      const forward = (): void => controller.abort(outer.reason);
      outer.addEventListener('abort', forward, { once: true });
      try {
        // Looked up after it is listed: a cancellation in between is seen by one or the other.
        if (await isCancelled(runId)) {
          logger.info({ runId }, 'a job of a cancelled run is passed over');
          return undefined;
        }
        if (outer.aborted) forward();
        return await work(controller.signal);
      } catch (error) {
        if (!controller.signal.aborted || outer.aborted) throw error;
        logger.info({ runId }, 'a job was stopped: its run is cancelled');
        return undefined;
      } finally {
        outer.removeEventListener('abort', forward);
        jobs.delete(controller);
        if (jobs.size === 0 && atWork.get(runId) === jobs) atWork.delete(runId);
      }
    },
    stop: async () => {
      await stopTail();
      await stopLooking();
    },
  };
}

function cancelled(runId: string): TerminalError {
  return new TerminalError('RK_RUN_CANCELLED', `run ${runId} is cancelled`, { details: { runId } });
}
