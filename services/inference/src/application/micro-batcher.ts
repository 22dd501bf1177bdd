/** Joins the calls of one turn of the event loop into one forward pass. */
export interface MicroBatcher {
  /**
   * Outputs of these features; a copy of the caller's own. `check` is asked right before they are computed: what it throws
   * rejects the call, and nothing is computed for it. Rejects with the error of the forward pass too.
   */
  run(features: Float32Array, rows: number, check: () => void): Promise<Float32Array>;
}

interface Waiting {
  readonly features: Float32Array;
  readonly rows: number;
  readonly check: () => void;
  readonly resolve: (outputs: Float32Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A batcher that adds no delay: it runs what has come in when the turn is over (setImmediate), a batch of up to
 * `maxRows` rows a turn, so that a long queue does not keep new calls, cancellations and deadlines from being seen.
 * Worth it where a forward pass has a high cost of its own, as with TensorFlow.js (about 50 µs). One that takes turns of its own
 * (onnxruntime) has the next batch after it: what came in meanwhile.
 */
export function createMicroBatcher(
  forward: (features: Float32Array, rows: number) => Float32Array | Promise<Float32Array>,
  inputs: number,
  outputs: number,
  maxRows: number,
): MicroBatcher {
  let waiting: Waiting[] = [];
  let running = false;

  /** The first of those that wait, as many as a batch takes; a call that is not wanted any more has no place in it. */
  const takeBatch = (): { batch: Waiting[]; rows: number } => {
    const batch: Waiting[] = [];
    let rows = 0;
    let taken = 0;
    for (const one of waiting) {
      if (batch.length > 0 && rows + one.rows > maxRows) break;
      taken += 1;
      try {
        one.check();
        batch.push(one);
        rows += one.rows;
      } catch (error) {
        one.reject(error);
      }
    }
    waiting = waiting.slice(taken);
    return { batch, rows };
  };

  const flush = (): void => {
    const { batch, rows } = takeBatch();
    if (batch.length === 0) return next();
    const inFlight = runBatch(batch, rows);
    if (inFlight === undefined) return next();
    running = true;
    void inFlight.finally(() => {
      running = false;
      next();
    });
  };

  const next = (): void => {
    if (waiting.length > 0) setImmediate(flush);
  };

  /** Undefined where it is done already. */
  const runBatch = (batch: Waiting[], rows: number): Promise<void> | undefined => {
    const fail = (error: unknown): void => {
      for (const { reject } of batch) reject(error);
    };
    const answer = (result: Float32Array): void => {
      let at = 0;
      for (const { rows: count, resolve } of batch) {
        resolve(result.slice(at, at + count * outputs));
        at += count * outputs;
      }
    };
    try {
      const joined = batch.length === 1 ? batch[0]!.features : new Float32Array(rows * inputs);
      if (batch.length > 1) {
        let at = 0;
        for (const { features, rows: count } of batch) {
          joined.set(features.subarray(0, count * inputs), at);
          at += count * inputs;
        }
      }
      const result = forward(joined, rows);
      if (result instanceof Promise) return result.then(answer, fail);
      answer(result);
    } catch (error) {
      fail(error);
    }
    return undefined;
  };

  return {
    run: (features, rows, check) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0 && !running) setImmediate(flush);
        waiting.push({ features, rows, check, resolve, reject });
      }),
  };
}
