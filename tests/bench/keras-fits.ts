import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import type { TrainCase } from './train-cases.js';

/** What a fit took: by the clock, and on all processors together. */
export interface FitTime {
  readonly ms: number;
  readonly cpuMs: number;
}

/** A Python that fits networks with Keras on JAX. */
export interface KerasFits {
  readonly version: string;
  /** `fresh`: with building and compiling a network, in place of fitting the one of before further. */
  fit(one: TrainCase, rows: number, epochs: number, fresh: boolean): Promise<FitTime>;
  close(): void;
}

/**
 * Starts the Python of BENCH_PYTHON, else `python3`; undefined, and a line that says why, where it has no Keras with JAX.
 * Keras's own words go nowhere.
 */
export async function openKeras(root: string, log: (line: string) => void): Promise<KerasFits | undefined> {
  const python = process.env['BENCH_PYTHON'] ?? 'python3';
  const child = spawn(python, ['tests/bench/keras-fit.py'], {
    cwd: root,
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  // A Python that is not there, or ends, is told by the end of its lines.
  child.once('error', () => undefined);
  child.stdin.once('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async <T>(): Promise<T | undefined> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : (JSON.parse(value) as T);
  };
  const hello = await answer<{ keras: string; backend: string }>();
  if (hello === undefined) {
    log(`Keras is left out: ${python} has no keras with jax. Set BENCH_PYTHON to a Python that has both.`);
    return undefined;
  }
  return {
    version: hello.keras,
    async fit(one, rows, epochs, fresh) {
      const { width, hidden, classes, batch } = one;
      const task = { rows: one.rows, width, hidden, classes, batch, fitRows: rows, epochs, fresh };
      child.stdin.write(`${JSON.stringify(task)}\n`);
      const time = await answer<FitTime>();
      if (time === undefined) throw new Error('The Python with Keras ended in the middle of a fit');
      return time;
    },
    close: () => child.stdin.end(),
  };
}
