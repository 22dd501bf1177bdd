import type { NatsConnection, Subscription } from '@nats-io/transport-node';
import { decodePayload } from '@rookery/bus';
import type { EventType } from '@rookery/contracts';

interface Tapped {
  readonly subject: string;
  readonly bytes: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
}

/** An event as it passed. */
export interface SeenEvent<T> {
  readonly data: T;
  readonly subject: string;
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Keeps every event that passes on the bus from its opening on, so that a test can wait for one that may have passed
 * already. A plain subscription of a plain client: it has no part in the delivery.
 */
export class EventTap {
  readonly #subscription: Subscription;
  readonly #passed: Tapped[] = [];
  readonly #wakers = new Set<() => void>();

  private constructor(connection: NatsConnection) {
    this.#subscription = connection.subscribe('ml.>', {
      callback: (error, message) => {
        if (error) return;
        const headers: Record<string, string> = {};
        for (const name of message.headers?.keys() ?? []) headers[name] = message.headers?.get(name) ?? '';
        this.#passed.push({ subject: message.subject, bytes: message.data, headers });
        for (const wake of [...this.#wakers]) wake();
      },
    });
  }

  /** Resolves when the server has taken the subscription: what is published from then on is seen. */
  static async open(connection: NatsConnection): Promise<EventTap> {
    const tap = new EventTap(connection);
    await connection.flush();
    return tap;
  }

  /** Events of the type that passed so far and fit. */
  seen<T>(event: EventType<T>, fits: (data: T) => boolean = () => true): SeenEvent<T>[] {
    return this.#passed
      .filter(({ subject }) => (event.keyed ? subject.startsWith(`${event.type}.`) : subject === event.type))
      .map(({ subject, bytes, headers }) => ({ data: decodePayload(event, bytes), subject, headers }))
      .filter(({ data }) => fits(data));
  }

  /** The first event of the type that fits, whether it passed already or comes before the deadline. */
  async wait<T>(
    event: EventType<T>,
    fits: (data: T) => boolean,
    what: string,
    ms = 60_000,
  ): Promise<SeenEvent<T>> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const [found] = this.seen(event, fits);
        if (found === undefined) return;
        clearTimeout(timer);
        this.#wakers.delete(look);
        resolve(found);
      };
      const timer = setTimeout(() => {
        this.#wakers.delete(look);
        const tail = this.#passed.slice(-15).map(({ subject }) => subject);
        reject(
          new Error(`${what}: no ${event.type} within ${ms} ms; the last events were ${tail.join(', ')}`),
        );
      }, ms);
      this.#wakers.add(look);
      look();
    });
  }

  close(): void {
    this.#subscription.unsubscribe();
  }
}
