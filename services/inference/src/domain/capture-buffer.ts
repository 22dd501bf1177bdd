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
  /** Takes up to `most` of the oldest entries; they stay counted as buffered until `sent` or `lost`. */
  take(most: number): E[];
  /** So many of the entries taken are stored by the bus. */
  sent(count: number): void;
  /** So many of the entries taken are given up. */
  lost(count: number): void;
  /** Entries waiting to be taken. */
  readonly waiting: number;
  counts(): CaptureCounts;
}

/** A buffer for `capacity` entries, those taken but not yet sent included. 0 keeps nothing and counts all as dropped. */
export function createCaptureBuffer<E>(capacity: number): CaptureBuffer<E> {
  const ring: (E | undefined)[] = [];
  let head = 0;
  let waiting = 0;
  let taken = 0;
  let answered = 0;
  let dropped = 0;
  let published = 0;

  const dropOldest = (): void => {
    ring[head] = undefined;
    head = (head + 1) % capacity;
    waiting -= 1;
    dropped += 1;
  };

  return {
    push(entry) {
      answered += 1;
      if (waiting + taken >= capacity) {
        if (waiting === 0) {
          dropped += 1;
          return;
        }
        dropOldest();
      }
      ring[(head + waiting) % capacity] = entry;
      waiting += 1;
    },
    take(most) {
      const count = Math.min(most, waiting);
      const entries = new Array<E>(count);
      for (let i = 0; i < count; i += 1) {
        entries[i] = ring[head]!;
        ring[head] = undefined;
        head = (head + 1) % capacity;
      }
      waiting -= count;
      taken += count;
      return entries;
    },
    sent(count) {
      taken -= count;
      published += count;
    },
    lost(count) {
      taken -= count;
      dropped += count;
    },
    get waiting() {
      return waiting;
    },
    counts: () => ({ answered, captured: answered - dropped, dropped, published, buffered: waiting + taken }),
  };
}
