import { Worker } from 'node:worker_threads';

import { RetryableError, TerminalError, errorCodes, isErrorCode } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';
import type { BackendName } from '@rookery/nn';

import type {
  ColumnsJob,
  EpochDone,
  JobColumns,
  JobData,
  JobRows,
  RowsJob,
  TrainedInThread,
  WorkerAnswer,
  WorkerJob,
  WorkerSettings,
} from '../domain/worker-messages.js';

/** A job for {@link TrainingThread.run}. */
export interface ThreadJob extends Omit<WorkerJob, 'kind' | 'job'> {
  readonly onEpoch: (progress: EpochDone) => void;
}

/** What a thread says when it is warm. */
export interface ThreadReady {
  readonly backend: BackendName;
  readonly reason: string;
  readonly fallbacks: readonly string[];
}

type JobDone = Extract<WorkerAnswer, { kind: 'trained' | 'rows' | 'columns' }>;

interface RunningJob {
  readonly job: number;
  readonly onEpoch: (progress: EpochDone) => void;
  readonly resolve: (done: JobDone) => void;
  readonly reject: (error: Error) => void;
}

/** Time that a fit gets to notice the stop flag, which it asks for in every batch, before its thread is ended. */
const stopGraceMs = 1_000;

/** One warm worker thread, one job at a time. */
export class TrainingThread {
  readonly #worker: Worker;
  readonly #stopFlag = new Int32Array(new SharedArrayBuffer(4));
  #jobs = 0;
  #running: RunningJob | undefined;
  /** Settles with the running job; resolved where none is. */
  #settled: Promise<void> = Promise.resolve();
  #dead: RookeryError | undefined;
  /** Rejects with what made the thread unusable: RK_BACKEND_UNAVAILABLE, RK_TRAIN_WORKER_DIED. */
  readonly ready: Promise<ThreadReady>;
  /** Resolves when it can take no more jobs. */
  readonly ended: Promise<void>;

  constructor(script: URL, settings: Omit<WorkerSettings, 'stopFlag'>) {
    const workerData: WorkerSettings = { ...settings, stopFlag: this.#stopFlag.buffer };
    this.#worker = new Worker(script, { workerData });
    let end = (): void => undefined;
    this.ended = new Promise((resolve) => (end = resolve));
    this.ready = new Promise((resolve, reject) => {
      const died = (error: RookeryError): void => {
        this.#dead ??= error;
        reject(error);
        this.#running?.reject(error);
        this.#running = undefined;
        end();
      };
      this.#worker.on('message', (answer: WorkerAnswer) => {
        if (answer.kind === 'ready') resolve(answer);
        else if (answer.kind === 'unusable') {
          died(errorOf(answer));
          void this.#worker.terminate();
        } else this.#answered(answer);
      });
      this.#worker.once('error', (thrown: unknown) => {
        died(workerDied(thrown instanceof Error ? thrown.message : String(thrown), thrown));
      });
      this.#worker.once('exit', (code) => {
        died(workerDied(`exit code ${code}`));
      });
    });
    // A thread that dies before anyone waits must not take the process with it.
    this.ready.catch(() => undefined);
  }

  /** Whether it can take jobs. */
  get alive(): boolean {
    return this.#dead === undefined;
  }

  /** Number of the thread in this process, for the lineage of what it trains. */
  get id(): number {
    return this.#worker.threadId;
  }

  /**
   * Trains one job. `signal` ends it in good order within a batch, or ends the thread if that takes too long; both
   * reject with the signal's reason. Rejects with the fit's own error, or RK_TRAIN_WORKER_DIED.
   */
  async run({ onEpoch, ...job }: ThreadJob, signal: AbortSignal): Promise<TrainedInThread> {
    const trained = await this.#do({ kind: 'train', ...job }, onEpoch, signal);
    if (trained.kind !== 'trained') throw workerDied('it gave another answer than was asked for');
    return trained;
  }

  /** The training rows of a job, through its bundle's transformer. Rejects as {@link run} does. */
  async rows(job: JobData, signal: AbortSignal): Promise<JobRows> {
    const rows = await this.#do({ kind: 'rows', ...job }, () => undefined, signal);
    if (rows.kind !== 'rows') throw workerDied('it gave another answer than was asked for');
    return rows;
  }

  /** Raw columns of the training rows, which the plug-ins of the job's bundle read. Rejects as {@link run} does. */
  async columns(job: JobData, signal: AbortSignal): Promise<JobColumns> {
    const columns = await this.#do({ kind: 'columns', ...job }, () => undefined, signal);
    if (columns.kind !== 'columns') throw workerDied('it gave another answer than was asked for');
    return columns;
  }

  async #do(
    job: Omit<WorkerJob, 'job'> | Omit<RowsJob, 'job'> | Omit<ColumnsJob, 'job'>,
    onEpoch: RunningJob['onEpoch'],
    signal: AbortSignal,
  ): Promise<JobDone> {
    signal.throwIfAborted();
    if (this.#dead !== undefined) throw this.#dead;
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
      const answer = new Promise<JobDone>((resolve, reject) => {
        this.#running = { job: number, onEpoch, resolve, reject };
      });
      this.#settled = answer.then(
        () => undefined,
        () => undefined,
      );
      this.#worker.postMessage({ ...job, job: number });
      const done = await answer;
      // The flag stays up only where somebody asked for the end: by the signal, or by close.
      if (done.kind === 'trained' && done.stopped) {
        signal.throwIfAborted();
        throw workerDied('it was stopped');
      }
      return done;
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
    if (answer.kind === 'failed') running.reject(errorOf(answer));
    else running.resolve(answer);
  }

  /** Ends the thread: at once where it is idle, else when its fit has noticed the stop flag, or after a grace period. */
  async close(): Promise<void> {
    Atomics.store(this.#stopFlag, 0, 1);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, stopGraceMs)));
    await Promise.race([this.#settled, late]);
    clearTimeout(timer);
    await this.#worker.terminate();
  }
}

function workerDied(why: string, cause?: unknown): RetryableError {
  const options = cause === undefined ? {} : { cause };
  return new RetryableError('RK_TRAIN_WORKER_DIED', `The training thread ended: ${why}`, options);
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
