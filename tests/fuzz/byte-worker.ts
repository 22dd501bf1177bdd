import { parentPort, workerData } from 'node:worker_threads';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';

import { inputsFor } from './in-process.js';
import type { ByteTarget } from './in-process.js';
import { faultOfCode } from './verdict.js';
import type { Failure } from './verdict.js';

/** What a worker is told. */
export interface ByteWork {
  readonly module: string;
  readonly target: string;
  readonly seed: number;
  readonly inputs: number;
  /** Base64 of inputs that are tried first. */
  readonly corpus: readonly string[];
  /** Where the worker notes what it is at: [inputs begun, length of the input]. */
  readonly progress: SharedArrayBuffer;
  /** The input that it is at. */
  readonly current: SharedArrayBuffer;
}

/** What a worker says in the end. */
export interface ByteReport {
  readonly failures: readonly Failure[];
  readonly outcomes: Readonly<Record<string, number>>;
  /** Heap in use after a collection, each some hundred inputs. */
  readonly heap: readonly number[];
}

const work = workerData as ByteWork;
const progress = new Int32Array(work.progress);
const current = new Uint8Array(work.current);
const outcomes: Record<string, number> = {};
const failures: Failure[] = [];
const heap: number[] = [];

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const { targets } = (await import(work.module)) as { targets: readonly ByteTarget[] };
const target = targets.find(({ name }) => name === work.target)!;
const seeds = await target.seeds();
let begun = 0;

const judge = async (input: Uint8Array): Promise<void> => {
  current.set(input.subarray(0, current.length));
  Atomics.store(progress, 1, Math.min(input.length, current.length));
  Atomics.store(progress, 0, ++begun);
  const code = await target.run(input);
  outcomes[code] = (outcomes[code] ?? 0) + 1;
  const fault = faultOfCode(code);
  if (fault !== undefined) throw new Error(fault);
  if (begun % 500 === 0) {
    collect();
    heap.push(process.memoryUsage().heapUsed);
  }
};

for (const base64 of work.corpus) {
  const input = Buffer.from(base64, 'base64');
  try {
    await judge(new Uint8Array(input));
  } catch (error) {
    failures.push({ target: target.name, what: describe(error), input: base64 });
  }
}

const inputs = inputsFor(target.kind, seeds);
// The worker of one run starts where the one before it stopped: a failure is shrunk, noted, and the rest goes on.
for (let seed = work.seed; begun < work.inputs && failures.length < 20; seed = (seed + 1) | 0) {
  const result = await fc.check(
    fc.asyncProperty(inputs, (input) => judge(input)),
    { seed, numRuns: Math.max(1, work.inputs - begun), endOnFailure: false },
  );
  if (!result.failed) break;
  const input = result.counterexample?.[0] ?? new Uint8Array();
  failures.push({
    target: target.name,
    what: describe(result.errorInstance),
    input: Buffer.from(input).toString('base64'),
  });
}
parentPort?.postMessage({ failures, outcomes, heap } satisfies ByteReport);

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).slice(0, 600) : String(error);
}
