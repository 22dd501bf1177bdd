import type { BusEvent } from '@rookery/bus';
import type { EventType } from '@rookery/contracts';

/**
 * How one type of stored event becomes state again. `apply` announces nothing and decides nothing; it bears an event that
 * the state knows already (the same twice, or one older than the state) without a change.
 */
export interface LogProjection {
  readonly event: EventType<unknown>;
  apply(event: BusEvent<unknown>): Promise<void>;
}

/** A {@link LogProjection} of an event type; several may be given for one type. */
export function projection<T>(
  event: EventType<T>,
  apply: (event: BusEvent<T>) => Promise<void>,
): LogProjection {
  return {
    event: event,
    apply: (stored) => apply(stored as BusEvent<T>),
  };
}
