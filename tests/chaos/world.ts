import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

import { connect } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import type { RookeryClient } from '@rookery/client';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem, SupervisedProcess } from '@rookery/deploy/embedded';

import { clientOf } from '../suite/client-of.js';
import { Started } from '../suite/started.js';
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

/** What the file of a process says of its surroundings; see fault-preload.mjs. */
export interface Surroundings {
  /** How far its wall clock is off. */
  clockMs?: number;
  /** Its database can't be written. */
  diskFull?: boolean;
}

/** A process that answers predictions. */
export interface Replica {
  readonly name: string;
  readonly address: string;
  readonly client: RookeryClient;
  readonly logFile: string;
}

/** The real system, with a proxy between its services and its broker; trainer and inference run twice. */
export interface World {
  readonly proxy: TcpProxy;
  readonly client: RookeryClient;
  /** Straight to the broker, past the proxy. */
  readonly nats: NatsConnection;
  readonly ends: readonly ProcessEnd[];
  readonly replicas: readonly Replica[];
  /** Folder of the services that keep something. */
  readonly dataDir: string;
  /** Changes the surroundings of a process, now and for its next lives. */
  surround(name: string, change: Surroundings): void;
  process(name: string): SupervisedProcess;
  /** Resolves when the broker and every service answer; rejects after `ms`. */
  ready(ms: number): Promise<void>;
  stop(): Promise<void>;
}

/** Services that run a second time, and their names then: all that keep nothing of their own. */
const doubles: Readonly<Record<string, string>> = { trainer: 'trainer-2', inference: 'inference-2' };

/** Starts a broker, a proxy to it, and the services behind the proxy, on free ports and in folders of their own. */
export async function startWorld(options: {
  readonly root: string;
  readonly directory: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Programs that take the place of those that were built; see broken-build.ts. */
  readonly scriptOf?: (service: string) => string | undefined;
}): Promise<World> {
  const ends: ProcessEnd[] = [];
  const noteOf = (names: Readonly<Record<string, string>>) => (told: string) => {
    const [name = '', ...words] = told.split(' ');
    const note = [names[name] ?? name, ...words].join(' ');
    ends.push({ name: names[name] ?? name, timeMs: Date.now(), note, killed: note.includes('SIGKILL') });
  };
  const preload = pathToFileURL(join(options.root, 'tests/chaos/fault-preload.mjs')).href;
  const surroundings = new Map<string, Surroundings>();
  const faultsOf = (name: string): string => join(options.directory, `${name}-faults`);
  const started = new Started();
  const start = async (
    name: string,
    services: readonly string[],
    natsUrl: string,
    names: Readonly<Record<string, string>> = {},
  ): Promise<EmbeddedSystem> => {
    mkdirSync(faultsOf(name), { recursive: true });
    const system = await startEmbedded({
      root: options.root,
      dataDir: join(options.directory, name),
      anyPorts: true,
      services,
      onEvent: noteOf(names),
      ...(options.scriptOf === undefined ? {} : { scriptOf: options.scriptOf }),
      env: {
        ...options.env,
        ROOKERY_NATS_URL: natsUrl,
        NODE_OPTIONS: `--import ${preload}`,
        CHAOS_FAULTS: faultsOf(name),
      },
    });
    return started.add(system, (one) => one.stop());
  };
  try {
    const broker = await start('broker', [], '');
    const upstream = Number(new URL(broker.natsUrl).port);
    const proxy = started.add(await startProxy(upstream), (one) => one.close());
    const url = `nats://127.0.0.1:${proxy.port}`;
    const single = targets.filter((name) => !Object.values(doubles).includes(name));
    const [system, second] = await Promise.all([
      start('system', single, url),
      start('second', Object.keys(doubles), url, doubles),
    ]);
    const nats = await connect({ servers: broker.natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 50 });
    started.add(nats, (one) => one.close());
    const [client, otherClient] = [system, { addresses: { ...system.addresses, ...second.addresses } }].map(
      ({ addresses }) =>
        started.add(clientOf({ addresses, natsUrl: broker.natsUrl }, 'chaos'), (one) => one.close()),
    ) as [RookeryClient, RookeryClient];
    const logOf = (name: string): string => join(options.directory, name, 'logs/inference.log');
    const placeOf = (name: string): { system: string; service: string } => {
      const [service] = Object.entries(doubles).find(([, double]) => double === name) ?? [];
      return service === undefined ? { system: 'system', service: name } : { system: 'second', service };
    };
    return {
      proxy,
      client,
      nats,
      ends,
      dataDir: join(options.directory, 'system'),
      replicas: [
        { name: 'inference', address: client.addresses.inference, client, logFile: logOf('system') },
        {
          name: 'inference-2',
          address: otherClient.addresses.inference,
          client: otherClient,
          logFile: logOf('second'),
        },
      ],
      surround(name, change) {
        const now = { ...surroundings.get(name), ...change };
        surroundings.set(name, now);
        const place = placeOf(name);
        const file = join(faultsOf(place.system), `${place.service}.json`);
        // Renamed into place, so that no process reads half of it.
        writeFileSync(`${file}.next`, JSON.stringify(now));
        renameSync(`${file}.next`, file);
      },
      process(name) {
        const place = placeOf(name);
        const of = place.system === 'second' ? second : system;
        const found = broker.processes.get(name) ?? of.processes.get(place.service);
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
        await Promise.all([
          ...single.map((name) => system.waitReady(name, ms)),
          ...Object.keys(doubles).map((name) => second.waitReady(name, ms)),
        ]);
      },
      stop: () => started.stop(),
    };
  } catch (error) {
    await started.stop();
    throw error;
  }
}
