import { RetryableError } from '@rookery/contracts';

/** Bounds the prediction calls that wait at the same time, and their rows: a call may be large. */
export interface Admission {
  /** Counts a call with so many rows in, or throws RK_OVERLOADED. */
  enter(rows: number): void;
  leave(rows: number): void;
  readonly waiting: number;
}

/** Admits up to `limit` waiting calls with up to `rowLimit` rows together; a call alone is always admitted. */
export function createAdmission(limit: number, rowLimit: number): Admission {
  let waiting = 0;
  let waitingRows = 0;
  return {
    enter(rows) {
      if (waiting >= limit) {
        throw overloaded(`${waiting} prediction calls waiting`, { limit: String(limit) });
      }
      if (waiting > 0 && waitingRows + rows > rowLimit) {
        throw overloaded(`${waitingRows} rows to predict waiting`, { rowLimit: String(rowLimit) });
      }
      waiting += 1;
      waitingRows += rows;
    },
    leave(rows) {
      waiting -= 1;
      waitingRows -= rows;
    },
    get waiting() {
      return waiting;
    },
  };
}

function overloaded(what: string, details: Readonly<Record<string, string>>): RetryableError {
  return new RetryableError('RK_OVERLOADED', `This replica has ${what}, as many as it allows.`, { details });
}
