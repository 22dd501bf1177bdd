import { DeliverPolicy, jetstream } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import type { StoredMessage } from './history.js';

/** A copy of a stream that can be brought up to date. */
export interface LogReader {
  /** Reads what came since the last time, to the end of the stream at this moment. */
  refresh(): Promise<readonly StoredMessage[]>;
  readonly messages: readonly StoredMessage[];
}

/** Reads a stream raw, with an ordered consumer of its own. */
export function openLogReader(nats: NatsConnection, stream: string): LogReader {
  const messages: StoredMessage[] = [];
  const js = jetstream(nats);
  let next = 1;
  const read = async (): Promise<void> => {
    const consumer = await js.consumers.get(stream, {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: next,
    });
    try {
      const { num_pending: pending } = await consumer.info();
      if (pending === 0) return;
      for await (const message of await consumer.consume({ max_messages: 500 })) {
        next = message.seq + 1;
        const headers: Record<string, string> = {};
        for (const name of message.headers?.keys() ?? []) headers[name] = message.headers?.get(name) ?? '';
        const id = headers['ce-id'] ?? headers['Nats-Msg-Id'] ?? `#${message.seq}`;
        messages.push({ sequence: message.seq, subject: message.subject, id, raw: message.data, headers });
        if (message.info.pending === 0) break;
      }
    } finally {
      await consumer.delete().catch(() => false);
    }
  };
  return {
    messages,
    async refresh() {
      await read();
      return messages;
    },
  };
}
