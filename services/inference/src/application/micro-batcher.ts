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

/** Outputs of a batch: at once, or later where other threads (onnxruntime) or another process (a plug-in) compute them. */
type Forward = (features: Float32Array, rows: number) => Float32Array | Promise<Float32Array>;

/**
 * A batcher that adds no delay: it runs what has come in when the turn is over (setImmediate), a batch of up to
 * `maxRows` rows a turn, so that a long queue does not keep new calls, cancellations and deadlines from being seen.
 * Worth it where a forward pass has a high cost of its own, as with TensorFlow.js (about 50 µs). While outputs are to come later, no
 * other batch is begun; where they fail, each call of that batch is computed alone, so that one call's rows are no other one's error.
 */
export function createMicroBatcher(
  forward: Forward,
  inputs: number,
  outputs: number,
  maxRows: number,
): MicroBatcher {
  let waiting: Waiting[] = [];
  let busy = false;

  /** The first of those that wait, as many as a batch takes; a call that is not wanted any more has no place in it. */
  const takeBatch = (): { batch: Waiting[]; rows: number } => {
    const batch: Waiting[] = [];
    let rows = 0;
    let taken = 0;
    for (const one of waiting) {
      if (batch.length > 0 && rows + one.rows > maxRows) break;
      taken += 1;
      if (!stillWanted(one)) continue;
      batch.push(one);
      rows += one.rows;
    }
    waiting = waiting.slice(taken);
    return { batch, rows };
  };

  const flush = (): void => {
    const { batch, rows } = takeBatch();
    const later = batch.length > 0 ? runBatch(batch, rows) : undefined;
    if (later === undefined) {
      if (waiting.length > 0) setImmediate(flush);
      return;
    }
    busy = true;
    void later.finally(() => {
      busy = false;
      if (waiting.length > 0) setImmediate(flush);
    });
  };

  /** Answers a batch; a promise where its outputs come later, which never rejects. */
  const runBatch = (batch: Waiting[], rows: number): Promise<void> | undefined => {
    try {
      const result = forward(joinedFeatures(batch, rows, inputs), rows);
      if (result instanceof Promise) return whenComputed(batch, result);
      answer(batch, result, outputs);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    }
    return undefined;
  };

  const whenComputed = async (batch: Waiting[], result: Promise<Float32Array>): Promise<void> => {
    try {
      answer(batch, await result, outputs);
    } catch (error) {
      if (batch.length === 1) batch[0]!.reject(error);
      else for (const one of batch) if (stillWanted(one)) await runBatch([one], one.rows);
    }
  };

  return {
    run: (features, rows, check) =>
      new Promise((resolve, reject) => {
        if (waiting.length === 0 && !busy) setImmediate(flush);
        waiting.push({ features, rows, check, resolve, reject });
      }),
  };
}

/** Whether the call still has to be computed; it is rejected where not. */
function stillWanted({ check, reject }: Waiting): boolean {
  try {
    check();
    return true;
  } catch (error) {
    reject(error);
    return false;
  }
}

function joinedFeatures(batch: readonly Waiting[], rows: number, inputs: number): Float32Array {
  if (batch.length === 1) return batch[0]!.features;
  const joined = new Float32Array(rows * inputs);
  let at = 0;
  for (const { features, rows: count } of batch) {
    joined.set(features.subarray(0, count * inputs), at);
    at += count * inputs;
  }
  return joined;
}

function answer(batch: readonly Waiting[], result: Float32Array, outputs: number): void {
  let at = 0;
  for (const { rows, resolve } of batch) {
    resolve(result.slice(at, at + rows * outputs));
    at += rows * outputs;
  }
}
