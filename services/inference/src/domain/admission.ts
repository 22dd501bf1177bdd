import { RetryableError } from '@rookery/contracts';

/** Bounds the prediction calls that wait at the same time. */
export interface Admission {
  /** Counts a call in, or throws RK_OVERLOADED. */
  enter(): void;
  leave(): void;
  readonly waiting: number;
}

/** Admits up to `limit` waiting calls. */
export function createAdmission(limit: number): Admission {
  let waiting = 0;
  return {
    enter() {
      if (waiting >= limit) {
        throw new RetryableError(
          'RK_OVERLOADED',
          `This replica has ${waiting} prediction calls waiting, as many as it allows.`,
          {
            details: { limit: String(limit) },
          },
        );
      }
      waiting += 1;
    },
    leave() {
      waiting -= 1;
    },
    get waiting() {
      return waiting;
    },
  };
}
