import { join } from 'node:path';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { RookeryClient } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem, SupervisedProcess } from '@rookery/deploy/embedded';

import { clientOf } from '../suite/client-of.js';
import { Started } from '../suite/started.js';

/** A whole system under load. */
export interface LoadWorld {
  readonly client: RookeryClient;
  readonly nats: NatsConnection;
  readonly inferenceAddress: string;
  /** By name; trainers beside the first are trainer-2, trainer-3 … */
  readonly processes: ReadonlyMap<string, SupervisedProcess>;
  /** Ends of processes that nobody asked for. */
  readonly crashes: readonly string[];
  stop(): Promise<void>;
}

/** How to start it. */
export interface LoadWorldOptions {
  /** Root of the repository. */
  readonly root: string;
  /** Folder for all data and logs. */
  readonly directory: string;
  /** Default all services. */
  readonly services?: readonly string[];
  /** Trainer processes. Default 1. */
  readonly trainers?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts a broker, the services, and more trainers beside the first, on free ports. */
export async function startLoadWorld(options: LoadWorldOptions): Promise<LoadWorld> {
  const crashes: string[] = [];
  const started = new Started();
  const start = async (
    folder: string,
    services: readonly string[] | undefined,
    env: Readonly<Record<string, string>>,
  ): Promise<EmbeddedSystem> => {
    const system = await startEmbedded({
      root: options.root,
      dataDir: join(options.directory, folder),
      anyPorts: true,
      onEvent: (note) => crashes.push(note),
      readyDeadlineMs: 90_000,
      env: { ...options.env, ...env },
      ...(services ? { services } : {}),
    });
    return started.add(system, (one) => one.stop());
  };
  try {
    const system = await start('system', options.services, { ROOKERY_NATS_URL: '' });
    const processes = new Map(system.processes);
    for (let number = 2; number <= (options.trainers ?? 1); number += 1) {
      const name = `trainer-${number}`;
      const more = await start(name, ['trainer'], { ROOKERY_NATS_URL: system.natsUrl });
      const trainer = more.processes.get('trainer');
      if (trainer) processes.set(name, trainer);
    }
    const nats = await connect({ servers: system.natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    started.add(nats, (one) => one.close());
    const client = started.add(clientOf(system, 'load'), (one) => one.close());
    const { inference } = client.addresses;
    const stop = (): Promise<void> => started.stop();
    return { client, nats, inferenceAddress: inference, processes, crashes, stop };
  } catch (error) {
    await started.stop();
    throw error;
  }
}
