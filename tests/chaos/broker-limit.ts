import { DiscardPolicy, jetstreamManager } from '@nats-io/jetstream';
import type { StreamConfig } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import { untilAnswered } from './waiting.js';

/** Lets the broker run out of room, and gives it room again. Nests. */
export interface BrokerLimit {
  fill(): Promise<void>;
  empty(): Promise<void>;
}

/** What is left when the streams are made full: no message that came meanwhile may be pushed out. */
const roomLeft = 64 * 1024;
const struckStreams = /^(ML_EVENTS|ML_JOBS|ML_CAPTURES|OBJ_)/;

/**
 * A full broker: every stream refuses what goes beyond its present size, as JetStream does at the limit of its store.
 * A service that starts meanwhile sets its streams up as they should be, and so ends the fault early.
 */
export function createBrokerLimit(nats: NatsConnection): BrokerLimit {
  const wide = new Map<string, Pick<StreamConfig, 'max_bytes' | 'discard'>>();
  let depth = 0;

  const update = async (each: (config: StreamConfig, bytes: number) => Partial<StreamConfig> | undefined) => {
    const manager = await jetstreamManager(nats);
    for await (const { config, state } of manager.streams.list()) {
      const change = struckStreams.test(config.name) ? each(config, state.bytes) : undefined;
      if (change) await manager.streams.update(config.name, { ...config, ...change });
    }
  };
  return {
    async fill() {
      depth += 1;
      if (depth > 1) return;
      // A broker that does not answer now is struck by something else.
      await update((config, bytes) => {
        wide.set(config.name, { max_bytes: config.max_bytes, discard: config.discard });
        return { max_bytes: bytes + roomLeft, discard: DiscardPolicy.New };
      }).catch(() => undefined);
    },
    async empty() {
      depth -= 1;
      if (depth > 0) return;
      await untilAnswered(() => update(({ name }) => wide.get(name)));
      wide.clear();
    },
  };
}
