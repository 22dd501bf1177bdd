import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem, SupervisedProcess } from '@rookery/deploy/embedded';

import { targets } from './schedule.js';
import { startProxy } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';

/** End of a process. */
export interface ProcessEnd {
  readonly name: string;
  readonly timeMs: number;
  /** The launcher's words. */
  readonly note: string;
  readonly killed: boolean;
}

/** The real system, with a proxy between its services and its broker. */
export interface World {
  readonly proxy: TcpProxy;
  readonly client: RookeryClient;
  /** Straight to the broker, past the proxy. */
  readonly nats: NatsConnection;
  readonly ends: readonly ProcessEnd[];
  readonly dataDir: string;
  readonly inferenceAddress: string;
  process(name: string): SupervisedProcess;
  /** Resolves when the broker and every service answer; rejects after `ms`. */
  ready(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a broker, a proxy to it, and the services behind the proxy, on free ports and in a folder of their own. */
export async function startWorld(options: {
  readonly root: string;
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
}): Promise<World> {
  const ends: ProcessEnd[] = [];
  const onEvent = (note: string): void => {
    ends.push({ name: note.split(' ')[0] ?? '', timeMs: Date.now(), note, killed: note.includes('SIGKILL') });
  };
  const stops: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of stops.reverse()) await end();
    stops.length = 0;
  };
  const start = async (
    name: string,
    services: readonly string[],
    natsUrl: string,
  ): Promise<EmbeddedSystem> => {
    const system = await startEmbedded({
      root: options.root,
      dataDir: join(options.directory, name),
      anyPorts: true,
      services,
      onEvent,
      env: { ...options.env, ROOKERY_NATS_URL: natsUrl },
    });
    stops.push(() => system.stop());
    return system;
  };
  try {
    const broker = await start('broker', [], '');
    const proxy = await startProxy(Number(new URL(broker.natsUrl).port));
    stops.push(() => proxy.close());
    const system = await start('system', targets, `nats://127.0.0.1:${proxy.port}`);
    const nats = await connect({ servers: broker.natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    stops.push(() => nats.close());
    const addresses = { ...addressesFromEnvironment({}), ...system.addresses, nats: broker.natsUrl };
    const client = new RookeryClient({ addresses, name: 'chaos' });
    stops.push(() => client.close());
    return {
      proxy,
      client,
      nats,
      ends,
      dataDir: join(options.directory, 'system'),
      inferenceAddress: addresses.inference,
      process(name) {
        const found = broker.processes.get(name) ?? system.processes.get(name);
        if (!found) throw new Error(`There is no process ${name}`);
        return found;
      },
      async ready(ms) {
        const end = Date.now() + ms;
        // A request that was under way when the broker died fails with the old connection.
        while (
          !(await nats
            .flush()
            .then(() => true)
            .catch(() => false))
        ) {
          if (Date.now() > end) throw new Error(`The broker does not answer within ${ms} ms`);
          await sleep(50);
        }
        await Promise.all(targets.map((name) => system.waitReady(name, ms)));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
