import { Worker } from 'node:worker_threads';

import type { ByteReport, ByteWork } from './byte-worker.js';
import type { Failure } from './verdict.js';

/** One input may take this long; machines that are busy are slow, endless loops are endless. */
const inputDeadlineMs = 60_000;
/** A thread may take this long to load what it tests. */
const startDeadlineMs = 180_000;
const maxHeapMb = 1024;
const maxInputBytes = 16 * 1024 * 1024;

/** What to feed a target with. */
export interface ByteTask {
  readonly target: string;
  readonly inputs: number;
  readonly seed: number;
  readonly corpus: readonly string[];
}

/** What came of it. */
export interface ByteResult extends ByteReport {
  readonly target: string;
  readonly inputs: number;
}

/**
 * Feeds one target in a thread of its own, which is watched: an input that takes too long, the whole heap, or the
 * process with it is a failure, and the rest of the inputs are fed to a new thread.
 */
export async function feedBytes(task: ByteTask, module: string, worker: string): Promise<ByteResult> {
  const failures: Failure[] = [];
  const outcomes: Record<string, number> = {};
  const heap: number[] = [];
  let done = 0;
  let { corpus } = task;
  for (let seed = task.seed; done < task.inputs && failures.length < 20; seed = (seed + 7919) | 0) {
    const left = { ...task, seed, inputs: task.inputs - done, corpus };
    const { report, begun, failure } = await feedOnce(left, module, worker);
    done += begun;
    if (report !== undefined) {
      failures.push(...report.failures);
      for (const [code, count] of Object.entries(report.outcomes))
        outcomes[code] = (outcomes[code] ?? 0) + count;
      heap.push(...report.heap);
      break;
    }
    if (failure !== undefined) failures.push(failure);
    // What ended the thread may be of the corpus: that is not fed twice.
    corpus = [];
  }
  const grown = growth(heap);
  if (grown !== undefined) failures.push({ target: task.target, what: grown, input: '' });
  return { target: task.target, inputs: done, failures, outcomes, heap };
}

async function feedOnce(
  task: ByteTask,
  module: string,
  worker: string,
): Promise<{ report?: ByteReport; begun: number; failure?: Failure }> {
  const progress = new SharedArrayBuffer(8);
  const current = new SharedArrayBuffer(maxInputBytes);
  const work: ByteWork = { ...task, module, progress, current };
  const counter = new Int32Array(progress);
  const thread = new Worker(worker, {
    workerData: work,
    resourceLimits: { maxOldGenerationSizeMb: maxHeapMb },
  });
  let seen = -1;
  let since = Date.now();
  const outcome = await new Promise<ByteReport | string>((resolve) => {
    const watch = setInterval(() => {
      const begun = Atomics.load(counter, 0);
      if (begun !== seen) {
        seen = begun;
        since = Date.now();
      } else if (Date.now() - since > (begun === 0 ? startDeadlineMs : inputDeadlineMs))
        end(`an input took longer than ${inputDeadlineMs} ms`);
    }, 250);
    const end = (result: ByteReport | string): void => {
      clearInterval(watch);
      resolve(result);
    };
    thread.once('message', (report: ByteReport) => end(report));
    thread.once('error', (error) => end(`the thread died: ${error.message}`));
    thread.once('exit', (code) => end(`the thread ended with ${code}`));
  });
  await thread.terminate();
  const begun = Math.max(1, Atomics.load(counter, 0));
  if (typeof outcome !== 'string') return { report: outcome, begun };
  const input = Buffer.from(new Uint8Array(current, 0, Atomics.load(counter, 1)));
  return { begun, failure: { target: task.target, what: outcome, input: input.toString('base64') } };
}

/** Memory after a collection must not grow with the inputs: the last quarter is held against the second one. */
export function growth(samples: readonly number[], slack = 48 * 1024 * 1024): string | undefined {
  if (samples.length < 8) return undefined;
  const quarter = Math.floor(samples.length / 4);
  const median = (from: number): number =>
    [...samples.slice(from, from + quarter)].sort((a, b) => a - b)[Math.floor(quarter / 2)]!;
  const early = median(quarter);
  const late = median(samples.length - quarter);
  if (late <= early * 1.25 + slack) return undefined;
  return `memory grew from ${Math.round(early / 1e6)} to ${Math.round(late / 1e6)} MB`;
}
