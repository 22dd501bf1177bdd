import { AckPolicy, DeliverPolicy, JetStreamApiError, ReplayPolicy } from '@nats-io/jetstream';
import type { ConsumerConfig, ConsumerInfo, JetStreamManager } from '@nats-io/jetstream';
import { TerminalError } from '@rookery/contracts';
import type { Logger } from './types.js';

const consumerNotFound = 10014;
const streamNotFound = 10059;

/** The durable consumer that a pull loop works on. */
export interface DurableSpec {
  stream: string;
  durable: string;
  filter: string;
  ackWaitMs: number;
  /** Deliveries by the broker; −1 for no limit. */
  maxDeliver: number;
  maxAckPending: number;
  from: 'all' | 'new';
}

/**
 * Creates the durable, or brings an existing one to the specification. `max_deliver` is never lowered: messages
 * beyond the new limit would be stranded without an advisory (the dispatcher counts for itself anyway). Where a
 * consumer starts cannot change, so `from` only counts at its creation.
 *
 * @throws TerminalError `RK_BUS_NO_STREAM` where the stream is missing; other errors of the broker as they are.
 */
export async function ensureDurable(
  jsm: JetStreamManager,
  spec: DurableSpec,
  logger: Logger,
): Promise<ConsumerInfo> {
  try {
    const found = await infoOf(jsm, spec);
    if (!found) {
      const created = await jsm.consumers.add(spec.stream, configOf(spec));
      logger.info({ stream: spec.stream, durable: spec.durable, filter: spec.filter }, 'consumer created');
      return created;
    }
    const changes = changesOf(found.config, spec);
    if (Object.keys(changes).length === 0) return found;
    const updated = await jsm.consumers.update(spec.stream, spec.durable, changes);
    logger.info({ stream: spec.stream, durable: spec.durable, changes }, 'consumer updated');
    return updated;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === streamNotFound) {
      throw new TerminalError(
        'RK_BUS_NO_STREAM',
        `stream ${spec.stream} of consumer ${spec.durable} does not exist`,
        {
          details: { stream: spec.stream, durable: spec.durable },
          cause: error,
        },
      );
    }
    throw error;
  }
}

async function infoOf(jsm: JetStreamManager, spec: DurableSpec): Promise<ConsumerInfo | undefined> {
  try {
    return await jsm.consumers.info(spec.stream, spec.durable);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.code === consumerNotFound) return undefined;
    throw error;
  }
}

function configOf(spec: DurableSpec): Partial<ConsumerConfig> {
  return {
    durable_name: spec.durable,
    filter_subject: spec.filter,
    ack_policy: AckPolicy.Explicit,
    ack_wait: spec.ackWaitMs * 1_000_000,
    max_deliver: spec.maxDeliver,
    max_ack_pending: spec.maxAckPending,
    deliver_policy: spec.from === 'new' ? DeliverPolicy.New : DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
  };
}

function changesOf(found: ConsumerConfig, spec: DurableSpec): Partial<ConsumerConfig> {
  const changes: Partial<ConsumerConfig> = {};
  if (found.filter_subject !== spec.filter) changes.filter_subject = spec.filter;
  if (found.ack_wait !== spec.ackWaitMs * 1_000_000) changes.ack_wait = spec.ackWaitMs * 1_000_000;
  const unlimited = (found.max_deliver ?? -1) < 0;
  if (!unlimited && (spec.maxDeliver < 0 || spec.maxDeliver > (found.max_deliver ?? 0))) {
    changes.max_deliver = spec.maxDeliver;
  }
  if (found.max_ack_pending !== spec.maxAckPending) changes.max_ack_pending = spec.maxAckPending;
  return changes;
}
