import { Worker } from 'node:worker_threads';

import { RetryableError, TerminalError, errorCodes, isErrorCode } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import type { BackendName, BackendRequest } from '@rookery/nn';

import { LeastRecentlyUsed } from '../domain/least-recently-used.js';
import { tablesKept } from '../domain/worker-messages.js';
import type { EngineRequest, EpochDone, Trained, WorkerAnswer, WorkerJob, WorkerSettings } from '../domain/worker-messages.js';

/** A job for {@link TrainingThread.run}. */
export interface ThreadJob extends Omit<WorkerJob, 'kind' | 'job' | 'dataset'> {
  readonly dataset: SharedArrayBuffer;
  readonly onEpoch: (progress: EpochDone) => void;
}

/** Time that a fit gets to notice the stop flag before its thread is ended. */
const stopGraceMs = 2_000;

/** One warm worker thread, one job at a time. */
export class TrainingThread {
  readonly #worker: Worker;
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4));
  readonly #known = new LeastRecentlyUsed<true>(tablesKept);
  #jobs = 0;
  #running: { job: number; onEpoch: (progress: EpochDone) => void; resolve: (trained: Trained) => void; reject: (error: Error) => void } | undefined;
  #dead = false;
  readonly ready: Promise<{ backend: BackendName; reason: string; fallbacks: readonly string[] }>;

  constructor(script: URL, backend: BackendRequest, engine: EngineRequest) {
    const settings: WorkerSettings = { backend, engine, stopFlag: this.#stopFlag.buffer };
    this.#worker = new Worker(script, { workerData: settings });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (answer: WorkerAnswer) => {
        if (answer.kind === 'ready') resolve(answer);
        else if (answer.kind === 'unusable') reject(errorOf(answer));
        else this.#answered(answer);
      });
      const died = (why: string, cause?: unknown): void => {
        this.#dead = true;
        const error = new RetryableError('RK_TRAIN_WORKER_DIED', `The training thread ended: ${why}`, { cause });
        reject(error);
        this.#running?.reject(error);
        this.#running = undefined;
      };
      this.#worker.once('error', (error) => {
        died(error instanceof Error ? error.message : String(error), error);
      });
      this.#worker.once('exit', (code) => {
        died(`exit code ${code}`);
      });
    });
    // A thread that dies before anyone waits must not take the process with it.
    this.ready.catch(() => undefined);
  }

  /** Whether it can take jobs. */
  get alive(): boolean {
    return !this.#dead;
  }

  /**
   * Trains one job. `signal` ends it in good order within an epoch, or ends the thread if that takes too long; both
   * reject with the signal's reason. Rejects with the fit's own error, or RK_TRAIN_WORKER_DIED.
   */
  async run(job: ThreadJob, signal: AbortSignal): Promise<Trained> {
    signal.throwIfAborted();
    this.#jobs += 1;
    const number = this.#jobs;
    Atomics.store(this.#stopFlag, 0, 0);
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      Atomics.store(this.#stopFlag, 0, 1);
      grace = setTimeout(() => void this.#worker.terminate(), stopGraceMs);
    };
    signal.addEventListener('abort', stop, { once: true });
    try {
      const trained = await new Promise<Trained>((resolve, reject) => {
        this.#running = { job: number, onEpoch: job.onEpoch, resolve, reject };
        const { onEpoch: _onEpoch, dataset, ...rest } = job;
        const known = this.#known.get(job.datasetSha256) === true;
        this.#known.set(job.datasetSha256, true);
        const message: WorkerJob = { kind: 'train', job: number, ...rest, dataset: known ? undefined : dataset };
        this.#worker.postMessage(message);
      });
      if (trained.stopped) signal.throwIfAborted();
      return trained;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      clearTimeout(grace);
      signal.removeEventListener('abort', stop);
    }
  }

  #answered(answer: Exclude<WorkerAnswer, { kind: 'ready' | 'unusable' }>): void {
    const running = this.#running;
    if (running?.job !== answer.job) return;
    if (answer.kind === 'epoch') {
      running.onEpoch(answer);
      return;
    }
    this.#running = undefined;
    if (answer.kind === 'trained') running.resolve(answer);
    else running.reject(errorOf(answer));
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    Atomics.store(this.#stopFlag, 0, 1);
    await this.#worker.terminate();
  }
}

function errorOf(answer: {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly details?: Readonly<Record<string, string>>;
}): RookeryError {
  const code = isErrorCode(answer.code) ? answer.code : 'RK_HANDLER_FAILED';
  const options = { hint: answer.hint, ...(answer.details ? { details: answer.details } : {}) };
  return errorCodes[code].retryable
    ? new RetryableError(code, answer.message, options)
    : new TerminalError(code, answer.message, options);
}
