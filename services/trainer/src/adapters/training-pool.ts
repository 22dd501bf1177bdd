import { RetryableError } from '@rookery/contracts';
import type { Logger } from '@rookery/bus';
import type { BackendRequest } from '@rookery/nn';

import type { TrainingPool } from '../application/train-fold.js';
import type { EngineRequest, Trained } from '../domain/worker-messages.js';
import { TrainingThread } from './training-thread.js';
import type { ThreadJob } from './training-thread.js';

/** How to open a pool. */
export interface PoolOptions {
  readonly workers: number;
  readonly backend: BackendRequest;
  readonly engine: EngineRequest;
  /** Longest time of one job, milliseconds. */
  readonly deadlineMs: number;
  readonly logger: Logger;
  readonly script?: URL;
}

/** On a GPU all threads would share one device: one is enough. */
const threadsOnGpu = 1;

/**
 * Opens as many warm threads as asked for (one on a GPU) and resolves when all are ready. A thread that dies is replaced.
 * Rejects with RK_BACKEND_UNAVAILABLE where the backend asked for is not installed.
 */
export async function openTrainingPool(options: PoolOptions): Promise<TrainingPool & { close(): Promise<void> }> {
  const script = options.script ?? new URL('./training-worker.js', import.meta.url);
  const spawn = (): TrainingThread => new TrainingThread(script, options.backend, options.engine);
  const first = spawn();
  const { backend, reason, fallbacks } = await first.ready;
  const size = backend === 'gpu' ? threadsOnGpu : options.workers;
  const idle = [first, ...Array.from({ length: size - 1 }, spawn)];
  const all = new Set(idle);
  await Promise.all(idle.map((thread) => thread.ready));
  options.logger.info({ backend, reason, fallbacks, threads: size }, 'training threads are ready');
  const waiting: ((thread: TrainingThread) => void)[] = [];

  const give = (thread: TrainingThread): void => {
    const next = waiting.shift();
    if (next) next(thread);
    else idle.push(thread);
  };
  const release = (thread: TrainingThread): void => {
    if (thread.alive) {
      give(thread);
      return;
    }
    all.delete(thread);
    options.logger.warn({}, 'a training thread died and is replaced');
    const fresh = spawn();
    all.add(fresh);
    give(fresh);
  };
  const take = (): Promise<TrainingThread> => {
    const thread = idle.pop();
    return thread ? Promise.resolve(thread) : new Promise((resolve) => waiting.push(resolve));
  };

  return {
    size,
    backend,
    async run(job: ThreadJob, signal: AbortSignal): Promise<Trained> {
      const thread = await take();
      try {
        await thread.ready;
        const deadline = AbortSignal.timeout(options.deadlineMs);
        return await thread.run(job, AbortSignal.any([signal, deadline])).catch((error: unknown) => {
          if (!deadline.aborted || signal.aborted) throw error;
          throw new RetryableError('RK_DEADLINE_EXCEEDED', `The job took longer than ${options.deadlineMs} ms`, {
            hint: 'Raise ROOKERY_JOB_DEADLINE_MS, or make the network or the data smaller.',
          });
        });
      } finally {
        release(thread);
      }
    },
    async close(): Promise<void> {
      await Promise.all([...all].map((thread) => thread.close()));
    },
  };
}
