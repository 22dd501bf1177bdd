import { setTimeout as sleep } from 'node:timers/promises';

import { jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

const attempts = 20;

/** Asks again where the broker or a service does not answer: what a fault did may reach further than its time. */
export async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === attempts) throw error;
      await sleep(500);
    }
  }
}

/** Waits until no durable consumer has anything left to do; tells of those that have after the deadline. */
export async function untilIdle(nats: NatsConnection, deadlineMs: number): Promise<string[]> {
  const manager = await untilAnswered(() => jetstreamManager(nats));
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const busy = await untilAnswered(() => busyConsumers(manager, [...streamsOfRuns, 'ML_CAPTURES']));
    if (busy.length === 0 || Date.now() > deadline) return busy;
    await sleep(500);
  }
}

const streamsOfRuns = ['ML_EVENTS', 'ML_JOBS'] as const;

/** Durable consumers with something left to do at this moment for a run; captures come as long as predictions are asked for. */
export async function busyNow(nats: NatsConnection): Promise<string[]> {
  return busyConsumers(await jetstreamManager(nats), streamsOfRuns);
}

async function busyConsumers(
  manager: Awaited<ReturnType<typeof jetstreamManager>>,
  streams: readonly string[],
): Promise<string[]> {
  const busy: string[] = [];
  for (const stream of streams) {
    for await (const { name, config, num_pending, num_ack_pending } of manager.consumers.list(stream)) {
      if (config.durable_name === undefined || num_pending + num_ack_pending === 0) continue;
      busy.push(`${name} has ${num_pending} messages to come and ${num_ack_pending} in hand`);
    }
  }
  return busy;
}
