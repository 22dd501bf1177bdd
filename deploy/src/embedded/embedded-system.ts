import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { checkHealth, httpStatus, peersFromEnvironment } from '@rookery/service-kit/client';
import type { Peers } from '@rookery/service-kit/client';

import { endAbandonedServices, takeDataFolder } from './data-folder.js';
import { freePort, isPortTaken } from './free-port.js';
import { heapFlags } from './heap-flags.js';
import { embeddedNats, findNatsServer, waitForNats } from './nats-server.js';
import { identityOf } from './process-identity.js';
import { readyDeadline } from './ready-deadline.js';
import { serviceEntries } from './services.js';
import type { ServiceEntry } from './services.js';
import { SupervisedProcess } from './supervised-process.js';

/** How to start an embedded system. */
export interface EmbeddedOptions {
  /** Root of the repository: services are run from `services/<name>/dist/main.js` below it. */
  readonly root: string;
  /** Folder for everything that is kept; default `.rookery` below the working directory. */
  readonly dataDir?: string;
  /** More or other variables for all services. */
  readonly env?: Readonly<Record<string, string>>;
  /** More variables for single services, such as credentials of their own. */
  readonly serviceEnv?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** true: every port is a free one, so that several systems can run side by side (tests). Default false. */
  readonly anyPorts?: boolean;
  /** Services to start; default all. */
  readonly services?: readonly string[];
  /** Program of a service, where it is not `services/<name>/dist/main.js` below the root. */
  readonly scriptOf?: (service: string) => string | undefined;
  /** How long all services may take to become ready, milliseconds; each step of a rebuild gives as much again. Default 60,000. */
  readonly readyDeadlineMs?: number;
  /** Told of crashes and restarts. */
  readonly onEvent?: (message: string) => void;
  /** Told how far a service has come that takes long to become ready. */
  readonly onProgress?: (message: string) => void;
}

/** A running embedded system. */
export interface EmbeddedSystem {
  readonly natsUrl: string;
  readonly dataDir: string;
  /** Address host:port of each service by name. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly processes: ReadonlyMap<string, SupervisedProcess>;
  /** Milliseconds from the call to readiness. */
  readonly readyMs: number;
  /** Resolves when a service is ready (again); rejects after the deadline. */
  waitReady(name: string, deadlineMs?: number): Promise<void>;
  /** Resolves with the reason if the system can't go on. */
  readonly failed: Promise<string>;
  stop(): Promise<void>;
}

const stopGraceMs = 15_000;

/**
 * Starts nats-server (unless ROOKERY_NATS_URL names one) and the services as child processes that are restarted if
 * they die, and resolves when every one is ready. Throws, with everything stopped, if one can't start.
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedSystem> {
  const startedAt = Date.now();
  const dataDir = resolve(options.dataDir ?? process.env['ROOKERY_DATA_DIR'] ?? '.rookery');
  mkdirSync(dataDir, { recursive: true });
  const folder = takeDataFolder(dataDir);
  const given: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  const entries = serviceEntries.filter((entry) => options.services?.includes(entry.name) ?? true);
  const processes = new Map<string, SupervisedProcess>();
  const note = options.onEvent ?? (() => undefined);
  let fail: (reason: string) => void = () => undefined;
  const failed = new Promise<string>((resolveFailed) => {
    fail = resolveFailed;
  });
  const onCrash = (event: {
    name: string;
    code: number | null;
    signal: string | null;
    restartInMs: number;
  }): void => {
    note(
      `${event.name} ended (${event.signal ?? `exit code ${event.code}`}); starting it again in ${event.restartInMs} ms`,
    );
  };

  let stopping = false;
  const stop = async (): Promise<void> => {
    stopping = true;
    const nats = processes.get('nats-server');
    await Promise.all(
      [...processes.values()].filter((item) => item !== nats).map((item) => item.stop(stopGraceMs)),
    );
    await nats?.stop(stopGraceMs);
    folder.release();
  };

  try {
    if (folder.abandoned) await endAbandonedServices(dataDir, stopGraceMs);
    const ports = await choosePorts(entries, given, options.anyPorts ?? false);
    let natsUrl = given['ROOKERY_NATS_URL'];
    if (!natsUrl) {
      const asked = options.anyPorts ? 0 : Number(given['ROOKERY_NATS_PORT'] ?? 7422);
      if (asked !== 0) await refuseTaken(asked, 'nats-server', 'ROOKERY_NATS_PORT', dataDir);
      const port = asked === 0 ? await freePort() : asked;
      const nats = embeddedNats({
        binary: findNatsServer(given),
        port,
        directory: join(dataDir, 'nats'),
        logFile: join(dataDir, 'logs/nats-server.log'),
        onCrash,
      });
      processes.set('nats-server', nats);
      nats.start();
      natsUrl = `nats://127.0.0.1:${port}`;
    }
    const env: NodeJS.ProcessEnv = {
      ...given,
      ROOKERY_NATS_URL: natsUrl,
      ROOKERY_DATA_DIR: dataDir,
      ROOKERY_STOP_ON_PARENT_EXIT: 'true',
      ...Object.fromEntries(entries.map((entry) => [entry.portVariable, String(ports.get(entry.name))])),
    };
    delete env['ROOKERY_NATS_SERVER'];
    for (const entry of entries) {
      const script =
        options.scriptOf?.(entry.name) ?? join(options.root, 'services', entry.name, 'dist/main.js');
      if (!existsSync(script)) throw new Error(`${script} is not there. Build first: npm run build`);
      const service = new SupervisedProcess({
        name: entry.name,
        program: process.execPath,
        args: ['--enable-source-maps', ...heapFlags(entry.name, env), script],
        env: { ...env, ...options.serviceEnv?.[entry.name] },
        logFile: join(dataDir, 'logs', `${entry.name}.log`),
        onCrash,
        fatalExitCodes: [78],
        onFatal: (event) => {
          fail(`${event.name} refused to start (exit code ${event.code}):\n${event.lastLines.join('\n')}`);
        },
      });
      processes.set(entry.name, service);
      service.start();
    }
    // With the variables of the services: what they show each other, the launcher shows them.
    const peers = peersFromEnvironment(given);
    const addresses = Object.fromEntries(
      entries.map((entry) => [entry.name, `127.0.0.1:${ports.get(entry.name)}`]),
    );
    const deadlineMs = options.readyDeadlineMs ?? 60_000;
    const waitReady = async (name: string, ms: number = deadlineMs): Promise<void> => {
      const entry = entries.find((item) => item.name === name);
      const address = addresses[name];
      if (!entry || !address) throw new Error(`There is no service ${name} in this system`);
      const deadline = readyDeadline(ms, Date.now());
      while (!(await isReady(entry, address, peers))) {
        if (stopping) throw new Error(`The system was stopped before ${name} was ready`);
        const lines = processes.get(name)?.lastLines() ?? [];
        if (deadline.over(lines, Date.now()))
          throw new Error(
            `${name} is not ready after ${ms} ms. Its last lines:\n${lines.slice(-5).join('\n')}`,
          );
        const news = deadline.news();
        if (news !== undefined) options.onProgress?.(`${name} is ${news}`);
        await new Promise((wake) => setTimeout(wake, 40));
      }
    };
    const natsPort = Number(new URL(natsUrl.split(',')[0] ?? natsUrl).port || 4222);
    if (processes.has('nats-server')) await waitForNats(natsPort, deadlineMs);
    await Promise.race([
      Promise.all(entries.map((entry) => waitReady(entry.name))),
      failed.then((reason) => {
        throw new Error(reason);
      }),
    ]);
    const readyMs = Date.now() - startedAt;
    writeFileSync(
      join(dataDir, 'system.json'),
      JSON.stringify(
        {
          launcher: identityOf(process.pid),
          natsUrl,
          addresses,
          pids: Object.fromEntries([...processes].map(([name, item]) => [name, item.pid])),
        },
        null,
        2,
      ),
    );
    return { natsUrl, dataDir, addresses, processes, readyMs, waitReady, failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function isReady(entry: ServiceEntry, address: string, peers: Peers): Promise<boolean> {
  if (entry.protocol === 'http') return (await httpStatus(address, '/health', peers)) === 200;
  return (await checkHealth(address, '', 1_000, peers.credentials)).status === 'SERVING';
}

async function choosePorts(
  entries: readonly ServiceEntry[],
  env: NodeJS.ProcessEnv,
  anyPorts: boolean,
): Promise<Map<string, number>> {
  const ports = new Map<string, number>();
  for (const entry of entries) {
    const asked = anyPorts ? 0 : Number(env[entry.portVariable] ?? entry.defaultPort);
    if (asked !== 0) await refuseTaken(asked, entry.name, entry.portVariable, '');
    const port = asked === 0 ? await freePort() : asked;
    ports.set(entry.name, port);
  }
  return ports;
}

async function refuseTaken(port: number, name: string, variable: string, dataDir: string): Promise<void> {
  // A nats-server left behind by a killed launcher is ended later, by its pid file.
  if (dataDir !== '' && existsSync(join(dataDir, 'nats/nats-server.pid'))) return;
  if (await isPortTaken(port)) {
    throw new Error(
      `Port ${port} for ${name} is in use. Stop what uses it, or set ${variable} to another port.`,
    );
  }
}
