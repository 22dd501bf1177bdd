import { RetryableError } from '@rookery/contracts';
import type { Logger } from '@rookery/bus';
import type { BackendRequest } from '@rookery/nn';

import type { TrainingPool } from '../application/train-fold.js';
import type {
  EngineRequest,
  JobColumns,
  JobData,
  JobRows,
  TrainedInThread,
} from '../domain/worker-messages.js';
import { TrainingThread } from './training-thread.js';
import type { ThreadJob, ThreadReady } from './training-thread.js';

/** How to open a pool. */
export interface PoolOptions {
  readonly workers: number;
  readonly backend: BackendRequest;
  readonly engine: EngineRequest;
  /** Where the engine onnx computes; on another provider than cpu, by one thread. Absent: cpu. */
  readonly onnxProviders?: readonly string[];
  /** Threads of one fit by the engine onnx. Absent: 1. */
  readonly onnxThreads?: number;
  /** Longest time of one job, milliseconds. */
  readonly deadlineMs: number;
  readonly logger: Logger;
  readonly script?: URL;
}

/** A pool that can be closed. */
export interface OpenPool extends TrainingPool {
  /** Ends all threads, running fits in good order; no thread is started afterwards. */
  close(): Promise<void>;
}

/** On a GPU all threads would share one device: one is enough. */
const threadsOnGpu = 1;

/**
 * Opens as many warm threads as asked for (one on a GPU) and resolves when all are ready. A thread that dies, at work or
 * idle, is replaced before it gets a job. Rejects with RK_BACKEND_UNAVAILABLE where the backend asked for is not installed.
 */
export async function openTrainingPool(options: PoolOptions): Promise<OpenPool> {
  const script = options.script ?? new URL('./training-worker.js', import.meta.url);
  const idle: TrainingThread[] = [];
  const all = new Set<TrainingThread>();
  const waiting: ((thread: TrainingThread) => void)[] = [];
  let closed = false;

  const spawn = (): TrainingThread => {
    const thread = new TrainingThread(script, {
      backend: options.backend,
      engine: options.engine,
      onnxProviders: options.onnxProviders ?? ['cpu'],
      onnxThreads: options.onnxThreads ?? 1,
    });
    all.add(thread);
    void thread.ended.then(() => all.delete(thread));
    return thread;
  };
  const take = (): Promise<TrainingThread> => {
    for (let thread = idle.pop(); thread !== undefined; thread = idle.pop()) {
      if (thread.alive) return Promise.resolve(thread);
      // It died while it was idle.
      idle.push(replacement());
    }
    return new Promise((resolve) => waiting.push(resolve));
  };
  const replacement = (): TrainingThread => {
    options.logger.warn({}, 'a training thread died and is replaced');
    return spawn();
  };
  const release = (thread: TrainingThread): void => {
    if (closed) return;
    const next = thread.alive ? thread : replacement();
    const taker = waiting.shift();
    if (taker) taker(next);
    else idle.push(next);
  };
  const close = async (): Promise<void> => {
    closed = true;
    await Promise.all([...all].map((thread) => thread.close()));
  };

  let size: number;
  let chosen: ThreadReady;
  try {
    const first = spawn();
    chosen = await first.ready;
    const onGpu = chosen.backend === 'gpu' || options.onnxProviders?.some((name) => name !== 'cpu');
    size = onGpu ? threadsOnGpu : options.workers;
    idle.push(first, ...Array.from({ length: size - 1 }, spawn));
    await Promise.all(idle.map((thread) => thread.ready));
  } catch (error) {
    await close();
    throw error;
  }
  const { backend, reason, fallbacks } = chosen;
  options.logger.info({ backend, reason, fallbacks, threads: size }, 'training threads are ready');

  /** Work in a thread that is idle, within the deadline of a job. */
  const inThread = async <T>(
    signal: AbortSignal,
    work: (thread: TrainingThread, stop: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const thread = await take();
    const stop = new AbortController();
    const forward = (): void => stop.abort(signal.reason);
    let timer: NodeJS.Timeout | undefined;
    try {
      await thread.ready;
      signal.throwIfAborted();
      signal.addEventListener('abort', forward, { once: true });
      timer = setTimeout(() => stop.abort(tooLong(options.deadlineMs)), options.deadlineMs);
      return await work(thread, stop.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', forward);
      release(thread);
    }
  };

  return {
    size,
    backend,
    run: (job: ThreadJob, signal: AbortSignal): Promise<TrainedInThread & { readonly thread: number }> =>
      inThread(signal, async (thread, stop) => {
        const { id } = thread;
        return { ...(await thread.run(job, stop)), thread: id };
      }),
    rows: (job: JobData, signal: AbortSignal): Promise<JobRows> =>
      inThread(signal, (thread, stop) => thread.rows(job, stop)),
    columns: (job: JobData, signal: AbortSignal): Promise<JobColumns> =>
      inThread(signal, (thread, stop) => thread.columns(job, stop)),
    close,
  };
}

function tooLong(deadlineMs: number): RetryableError {
  return new RetryableError('RK_DEADLINE_EXCEEDED', `The job took longer than ${deadlineMs} ms`, {
    details: { deadlineMs: String(deadlineMs) },
    hint: 'Raise ROOKERY_JOB_DEADLINE_MS, or make the network or the data smaller.',
  });
}
