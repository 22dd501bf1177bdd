import { jetstream } from '@nats-io/jetstream';
import { headers as natsHeaders } from '@nats-io/transport-node';
import type { Msg, MsgHdrs, NatsConnection } from '@nats-io/transport-node';
import type { Random } from '@rookery/tabular';

import type { StoredMessage } from './history.js';

/** Marks a copy, so that copies are not copied again. */
const copyMark = 'x-chaos-copy';

/** Watches the events as they pass, and publishes them again where it is told to. */
export interface EventCopies {
  /** True when an event of the type has passed so often since `newRound`; false after `ms`. */
  seen(type: string, occurrence: number, ms: number): Promise<boolean>;
  /** Forgets what was seen. */
  newRound(): void;
  /** From now on publishes everything again at once, with its own message id. */
  repeat(on: boolean): void;
  /** From now on publishes everything again, each up to `spreadMs` later, with another message id; undefined: no more. */
  redeliver(spreadMs: number | undefined): void;
  /** Publishes stored events again, with other message ids. */
  again(messages: readonly StoredMessage[]): Promise<void>;
  /** Copies that were published. */
  readonly published: () => number;
  close(): void;
}

/** Opens a plain subscription to all events; it has no part in their delivery. */
export async function openEventCopies(nats: NatsConnection, random: () => Random): Promise<EventCopies> {
  const js = jetstream(nats);
  const counts = new Map<string, number>();
  const passed = new Set<string>();
  const wakers = new Set<() => void>();
  let repeating = false;
  let spread: number | undefined;
  let copies = 0;

  const publish = async (
    subject: string,
    data: Uint8Array,
    from: MsgHdrs | undefined,
    id?: string,
  ): Promise<void> => {
    const headers = natsHeaders();
    for (const name of from?.keys() ?? []) {
      if (name !== 'Nats-Msg-Id' || id === undefined) headers.set(name, from?.get(name) ?? '');
    }
    if (id !== undefined) headers.set('Nats-Msg-Id', id);
    headers.set(copyMark, '1');
    copies += 1;
    // A copy that the broker can't take now is a fault less, nothing more.
    await js.publish(subject, data, { headers, timeout: 2_000 }).catch(() => undefined);
  };
  const otherId = (): string => `chaos-copy-${process.pid}-${Date.now()}-${copies}`;
  const pass = (message: Msg): void => {
    if (message.headers?.has(copyMark) === true || message.subject.startsWith('ml.progress.')) return;
    const type = message.subject.split('.').slice(0, 3).join('.');
    counts.set(type, (counts.get(type) ?? 0) + 1);
    for (const wake of [...wakers]) wake();
    const { subject, data, headers } = message;
    // Only events that name themselves can be known again.
    const id = headers?.get('ce-id') ?? '';
    if (id === '' || subject.startsWith('ml.dlq.')) return;
    // What is published twice passes twice, but is stored once: what was never stored is never delivered again.
    if (passed.has(id)) return;
    passed.add(id);
    if (repeating) void publish(subject, data, headers);
    if (spread !== undefined) {
      setTimeout(() => void publish(subject, data, headers, otherId()), random().integer(spread + 1));
    }
  };
  const subscription = nats.subscribe('ml.>', {
    callback: (error, message) => {
      if (!error) pass(message);
    },
  });
  await nats.flush();
  return {
    seen: (type, occurrence, ms) =>
      new Promise((resolve) => {
        const look = (): void => {
          if ((counts.get(type) ?? 0) < occurrence) return;
          clearTimeout(timer);
          wakers.delete(look);
          resolve(true);
        };
        const timer = setTimeout(() => {
          wakers.delete(look);
          resolve(false);
        }, ms);
        wakers.add(look);
        look();
      }),
    newRound: () => {
      counts.clear();
    },
    repeat: (on) => {
      repeating = on;
    },
    redeliver: (spreadMs) => {
      spread = spreadMs;
    },
    async again(messages) {
      for (const { subject, raw, headers: stored } of messages) {
        const headers = natsHeaders();
        for (const [name, value] of Object.entries(stored ?? {})) headers.set(name, value);
        await publish(subject, raw, headers, otherId());
      }
    },
    published: () => copies,
    close: () => {
      subscription.unsubscribe();
    },
  };
}
