import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import { parseAckSubject } from './ack-subject.js';
import type { DeliveryInfo } from './ack-subject.js';

/** One delivery of a durable consumer, to be ended once: by `ack`, `nak` or `term`. */
export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: MsgHdrs | undefined;
  readonly info: DeliveryInfo;
  /** Done. */
  ack(): void;
  /** Deliver again after `delayMs` (0: at once). */
  nak(delayMs?: number): void;
  /** Still at it: restarts the broker's ack wait. */
  working(): void;
  /** Never deliver again. Bare: servers before 2.10.4 silently ignore a reason, and redeliver. */
  term(): void;
}

/**
 * Wraps a message of a pull. `undefined` where its reply subject is not an acknowledgement subject. A verdict on a
 * closed connection is dropped: the broker will deliver again, and handlers are idempotent.
 */
export function toDelivery(nc: NatsConnection, message: Msg): Delivery | undefined {
  const info = parseAckSubject(message.reply);
  const reply = message.reply;
  if (!info || reply === undefined) return undefined;
  let ended = false;
  const send = (verdict: string): void => {
    if (ended) return;
    if (verdict !== '+WPI') ended = true;
    if (!nc.isClosed()) nc.publish(reply, verdict);
  };
  return {
    subject: message.subject,
    data: message.data,
    headers: message.headers,
    info,
    ack: () => send('+ACK'),
    nak: (delayMs = 0) => {
      const nanos = Math.round(delayMs) * 1_000_000;
      send(delayMs > 0 ? `-NAK ${JSON.stringify({ delay: nanos })}` : '-NAK');
    },
    working: () => send('+WPI'),
    term: () => send('+TERM'),
  };
}
