/*
 * A dispatcher that acknowledges an event before its handler has saved anything: the chaos suite builds it in the place of
 * dispatcher.ts, and must notice.
 */
import { dispatch as dispatchInOrder } from '../../src/dispatcher.js';
import type { DispatcherParts } from '../../src/dispatcher.js';
import type { Delivery } from '../../src/delivery.js';

export * from '../../src/dispatcher.js';

/** Says that the event is handled, then handles it. */
export function dispatch<T>(parts: DispatcherParts<T>, delivery: Delivery): Promise<void> {
  delivery.ack();
  return dispatchInOrder(parts, delivery);
}
