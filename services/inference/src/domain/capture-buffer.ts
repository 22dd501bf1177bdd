/** How a buffer stands. `answered` is always `captured` + `dropped`; `captured` is `published` + `buffered`. */
export interface CaptureCounts {
  /** Answered predictions that were offered. */
  readonly answered: number;
  /** Of those, kept: sent, or waiting. */
  readonly captured: number;
  /** Of those, lost because the buffer was full or could not be sent at the end. */
  readonly dropped: number;
  readonly published: number;
  /** Waiting, or being sent. */
  readonly buffered: number;
}

/** Bounded first-in first-out buffer that never blocks: where it is full, the oldest entry is dropped and counted. */
export interface CaptureBuffer<E> {
  push(entry: E): void;
  /**
   * Takes up to `most` of the oldest entries, and no more than half of the buffer's bytes (at least one); they stay counted
   * as buffered until `sent` or `lost`.
   */
  take(most: number): E[];
  /** So many of the entries taken are stored by the bus. */
  sent(count: number): void;
  /** So many of the entries taken are given up. */
  lost(count: number): void;
  /** Entries waiting to be taken. */
  readonly waiting: number;
  /** What the entries weigh that wait or are being sent. */
  readonly bytes: number;
  counts(): CaptureCounts;
}

/** A bound on what the entries of a buffer weigh. */
export interface ByteBound<E> {
  readonly bytes: number;
  /** What an entry weighs, as estimated; must be cheap. */
  readonly bytesOf: (entry: E) => number;
}

/**
 * A buffer for `capacity` entries that weigh no more than `bound` together, those taken but not yet sent included: rows are
 * as large as callers make them. Capacity 0 keeps nothing and counts all as dropped.
 */
export function createCaptureBuffer<E>(
  capacity: number,
  bound: ByteBound<E> = { bytes: Infinity, bytesOf: () => 0 },
): CaptureBuffer<E> {
  const ring: (E | undefined)[] = [];
  const weights: number[] = [];
  let head = 0;
  let waiting = 0;
  let waitingBytes = 0;
  let taken = 0;
  let takenBytes = 0;
  let answered = 0;
  let dropped = 0;
  let published = 0;

  const shift = (): E => {
    const entry = ring[head]!;
    ring[head] = undefined;
    waitingBytes -= weights[head]!;
    head = (head + 1) % capacity;
    waiting -= 1;
    return entry;
  };
  const settle = (count: number): void => {
    taken -= count;
    // Which of them are done is not known: they weigh what they did together until the last is.
    if (taken === 0) takenBytes = 0;
  };

  return {
    push(entry) {
      answered += 1;
      const weight = bound.bytesOf(entry);
      while (
        waiting > 0 &&
        (waiting + taken >= capacity || waitingBytes + takenBytes + weight > bound.bytes)
      ) {
        shift();
        dropped += 1;
      }
      if (taken + waiting >= capacity || takenBytes + weight > bound.bytes) {
        dropped += 1;
        return;
      }
      const at = (head + waiting) % capacity;
      ring[at] = entry;
      weights[at] = weight;
      waiting += 1;
      waitingBytes += weight;
    },
    take(most) {
      const count = Math.min(most, waiting);
      const entries: E[] = [];
      const before = waitingBytes;
      while (entries.length < count) {
        if (entries.length > 0 && before - waitingBytes + weights[head]! > bound.bytes / 2) break;
        entries.push(shift());
      }
      taken += entries.length;
      takenBytes += before - waitingBytes;
      return entries;
    },
    sent(count) {
      settle(count);
      published += count;
    },
    lost(count) {
      settle(count);
      dropped += count;
    },
    get waiting() {
      return waiting;
    },
    get bytes() {
      return waitingBytes + takenBytes;
    },
    counts: () => ({ answered, captured: answered - dropped, dropped, published, buffered: waiting + taken }),
  };
}
