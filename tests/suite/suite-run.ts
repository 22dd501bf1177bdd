import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What every suite needs to know to run. */
export interface SuiteRun {
  /** Root of the repository. */
  readonly root: string;
  /** Keep the folder with all data and logs. Default false: it is removed unless something is wrong. */
  readonly keep?: boolean;
  /** Ends the suite early, with everything stopped: it rejects then. */
  readonly signal?: AbortSignal;
  readonly log: (line: string) => void;
}

/** A system that a suite starts and stops. */
interface Stoppable {
  stop(): Promise<void>;
}

/** What a suite does in a folder of its own. */
export interface FolderWork<W extends Stoppable, R> {
  /** Name of the suite; the folder has it. */
  readonly name: string;
  readonly start: (directory: string) => Promise<W>;
  readonly work: (world: W, directory: string) => Promise<R>;
  /** The result is a reason to look at the data. */
  readonly keepAfter: (result: R) => boolean;
}

/**
 * Starts a system in a new folder, works with it and stops it, however the work ends. The folder is removed, unless it is
 * asked for, the result is a reason to look into it, or something threw that was no interruption; then the log says where it is.
 */
export async function inFolder<W extends Stoppable, R>(
  { keep: asked = false, signal, log }: SuiteRun,
  { name, start, work, keepAfter }: FolderWork<W, R>,
): Promise<R> {
  const directory = mkdtempSync(join(tmpdir(), `rookery-${name}-`));
  let keep = asked;
  try {
    const world = await start(directory);
    try {
      const result = await orInterrupted(work(world, directory), signal);
      keep ||= keepAfter(result);
      return result;
    } finally {
      await world.stop();
    }
  } catch (error) {
    keep ||= signal?.aborted !== true;
    throw error;
  } finally {
    if (keep) log(`data and logs: ${directory}`);
    else rmSync(directory, { recursive: true, force: true });
  }
}

/** The work, or a rejection as soon as the signal aborts. */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  // Where the signal is first, what the work ends with concerns nobody any more.
  work.catch(() => undefined);
  const { promise: interrupted, end } = interruption(signal);
  try {
    return await Promise.race([work, interrupted]);
  } finally {
    end();
  }
}

function interruption(signal: AbortSignal): { promise: Promise<never>; end: () => void } {
  let end = (): void => undefined;
  const promise = new Promise<never>((_, reject) => {
    const interrupt = (): void => {
      reject(new Error('interrupted'));
    };
    signal.addEventListener('abort', interrupt, { once: true });
    end = () => {
      signal.removeEventListener('abort', interrupt);
    };
    if (signal.aborted) interrupt();
  });
  return { promise, end };
}
