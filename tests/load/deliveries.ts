import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

/** What the broker did for one durable consumer since it was made. */
export interface ConsumerDeliveries {
  readonly durable: string;
  readonly stream: string;
  /** Messages of the stream that are for it. */
  readonly messages: number;
  /** Deliveries of them, the repeated ones included. */
  readonly deliveries: number;
  readonly pending: number;
  readonly inHand: number;
}

const streams = ['ML_EVENTS', 'ML_JOBS', 'ML_CAPTURES'];

/** Asks the broker about all durable consumers of the work of the services; it counts, not they. */
export async function readDeliveries(nats: NatsConnection): Promise<ConsumerDeliveries[]> {
  const manager = await jetstreamManager(nats);
  const found: ConsumerDeliveries[] = [];
  for (const stream of streams) {
    const consumers = [];
    for await (const consumer of manager.consumers.list(stream)) {
      if (consumer.config.durable_name !== undefined) consumers.push(consumer);
    }
    for (const { name, config, delivered, num_pending, num_ack_pending } of consumers) {
      const filter = config.filter_subject ?? '>';
      const { state } = await manager.streams.info(stream, { subjects_filter: filter });
      const messages = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
      found.push({
        durable: name,
        stream,
        messages,
        deliveries: delivered.consumer_seq,
        pending: num_pending,
        inHand: num_ack_pending,
      });
    }
  }
  return found;
}

/** Deliveries beyond the first of each message. Exact where nothing is pending. */
export function redeliveriesOf(consumers: readonly ConsumerDeliveries[]): Map<string, number> {
  return new Map(
    consumers.flatMap(({ durable, messages, deliveries, pending }) => {
      const again = deliveries - (messages - pending);
      return again > 0 ? [[durable, again]] : [];
    }),
  );
}

/** The most deliveries that each durable had in hand at a time. */
export interface InHandWatch {
  most(): ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

/** Asks every `everyMs`, one question at a time. */
export function watchInHand(nats: NatsConnection, everyMs = 1_000): InHandWatch {
  const most = new Map<string, number>();
  let stopped = false;
  let wake: () => void = () => undefined;
  const run = async (): Promise<void> => {
    const manager = await jetstreamManager(nats);
    while (!stopped) {
      for (const stream of streams) {
        for await (const { name, config, num_ack_pending } of manager.consumers.list(stream)) {
          if (config.durable_name !== undefined)
            most.set(name, Math.max(most.get(name) ?? 0, num_ack_pending));
        }
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, everyMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const running = run();
  running.catch(() => undefined);
  return {
    most: () => most,
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}
