/** What the broker tells about a delivery in its reply subject. */
export interface DeliveryInfo {
  stream: string;
  consumer: string;
  deliveryCount: number;
  streamSequence: number;
  /** When the broker stored the message, nanoseconds since the epoch. */
  timestampNanos: bigint;
  /** Messages of this consumer that are still to be delivered for the first time. */
  pending: number;
}

/**
 * Reads `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<deliveries>.<stream seq>.<consumer seq>.<time>.<pending>[.<token>]`
 * (NATS ADR-15). `undefined` for any other subject. Read here and not through the client, because the client makes
 * a floating-point number of the nanoseconds.
 */
export function parseAckSubject(subject: string | undefined): DeliveryInfo | undefined {
  if (!subject?.startsWith('$JS.ACK.')) return undefined;
  const tokens = subject.split('.');
  const rest = tokens.length === 9 ? tokens.slice(2) : tokens.slice(4);
  const [stream, consumer, deliveries, streamSequence, , time, pending] = rest;
  if (stream === undefined || consumer === undefined || time === undefined) return undefined;
  return {
    stream,
    consumer,
    deliveryCount: Number(deliveries),
    streamSequence: Number(streamSequence),
    timestampNanos: BigInt(time),
    pending: Number(pending ?? 0),
  };
}
