import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { RookeryClient, addressesFromEnvironment } from '@rookery/client';
import type { RunOutcome } from '@rookery/client';
import { checkHealth } from '@rookery/service-kit/client';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { freePort, serviceEntries, startEmbedded } from '../src/embedded/index.js';
import type { EmbeddedSystem } from '../src/embedded/index.js';
import { identityOf, isRunning } from '../src/embedded/process-identity.js';
import type { ProcessIdentity } from '../src/embedded/process-identity.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const folders: string[] = [];

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rookery-embedded-'));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Asks until the answer is true; an error that names `what` where the deadline passes first. */
async function until(ask: () => boolean | Promise<boolean>, what: string, ms = 60_000): Promise<void> {
  const end = Date.now() + ms;
  while (!(await ask())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((wake) => setTimeout(wake, 25));
  }
}

describe('a system in this process', () => {
  let system: EmbeddedSystem;
  const notes: string[] = [];

  beforeAll(async () => {
    system = await startEmbedded({
      root,
      dataDir: newFolder(),
      anyPorts: true,
      services: serviceEntries.map(({ name }) => name).filter((name) => name !== 'console'),
      readyDeadlineMs: 90_000,
      onEvent: (note) => notes.push(note),
    });
  }, 120_000);

  afterAll(async () => {
    await system?.stop();
  }, 60_000);

  it('starts a killed service again, and it becomes ready at the same address', async () => {
    const registry = system.processes.get('registry');
    const before = registry?.pid;
    expect(registry?.kill('SIGKILL')).toBe(true);
    await until(() => registry?.restarts === 1, 'the registry is started again');
    await system.waitReady('registry', 60_000);
    expect(registry?.pid).not.toBe(before);
    expect((await checkHealth(system.addresses['registry'] ?? '')).status).toBe('SERVING');
    expect(notes.join('\n')).toContain('registry ended (SIGKILL)');
  }, 90_000);

  it('starts a killed nats-server again, and what is published afterwards is served', async () => {
    const nats = system.processes.get('nats-server');
    const servicePids = (): (number | undefined)[] =>
      Object.keys(system.addresses).map((name) => system.processes.get(name)?.pid);
    const before = servicePids();
    expect(nats?.kill('SIGKILL')).toBe(true);
    await until(() => nats?.restarts === 1, 'nats-server is started again');

    const client = new RookeryClient({
      addresses: { ...addressesFromEnvironment({}), ...system.addresses, nats: system.natsUrl },
      connectDeadlineMs: 30_000,
    });
    try {
      const published = await client.publish({
        name: 'after_the_crash',
        uri: pathToFileURL(join(root, 'data/penguins.csv')).href,
        target: 'species',
        epochs: 3,
        gate: { metric: '', threshold: 0, allowWorseThanChampion: false },
      });
      const outcome: RunOutcome = await published.outcome;
      expect(outcome.state).toBe('serving');
      await published.stop();
    } finally {
      await client.close();
    }
    expect(servicePids()).toEqual(before);
  }, 120_000);

  it('refuses a second launcher on the same folder, and goes on', async () => {
    const second = startEmbedded({ root, dataDir: system.dataDir, anyPorts: true, services: ['ingest'] });
    await expect(second).rejects.toThrow(
      `already runs on ${system.dataDir}. Stop it, or use another ROOKERY_DATA_DIR.`,
    );
    expect((await checkHealth(system.addresses['ingest'] ?? '')).status).toBe('SERVING');
  });
});

describe('port 0', () => {
  it('is a free port, at which the launcher and the other services find the one that has it', async () => {
    const zero = ['ROOKERY_NATS_PORT', 'ROOKERY_REGISTRY_PORT', 'ROOKERY_CONSOLE_PORT'];
    const env = Object.fromEntries(zero.map((variable) => [variable, '0']));
    const inferencePort = String(await freePort());
    const system = await startEmbedded({
      root,
      dataDir: newFolder(),
      services: ['registry', 'inference', 'console'],
      readyDeadlineMs: 90_000,
      env: { ...env, ROOKERY_NATS_URL: '', ROOKERY_INFERENCE_GRPC_PORT: inferencePort },
    });
    try {
      const { registry = '', inference = '', console: page = '' } = system.addresses;
      // What was asked for by its number stays as it is.
      expect(inference).toBe(`127.0.0.1:${inferencePort}`);
      const ports = [
        new URL(system.natsUrl).port,
        ...[registry, page].map((address) => address.split(':')[1]),
      ];
      for (const port of ports) expect(Number(port)).toBeGreaterThan(1023);
      expect(new Set([...ports, inferencePort]).size).toBe(4);
      expect((await checkHealth(registry)).status).toBe('SERVING');
      // The console asks its peers at the ports that they have, not at their default ones.
      const answer = await fetch(`http://${page}/api/v1/system`);
      const { services } = (await answer.json()) as {
        services: { name: string; address: string; status: string }[];
      };
      const seen = services.filter(({ name }) => name === 'registry' || name === 'inference');
      expect(seen.map(({ name, address, status }) => [name, address, status])).toEqual(
        expect.arrayContaining([
          ['registry', registry, 'SERVING'],
          ['inference', inference, 'SERVING'],
        ]),
      );
    } finally {
      await system.stop();
    }
  }, 120_000);
});

describe('a taken port', () => {
  let holder: Server | undefined;
  afterEach(async () => {
    await new Promise((resolve) => (holder ? holder.close(resolve) : resolve(undefined)));
  });

  it.each([
    ['ROOKERY_INGEST_PORT', 'ingest'],
    ['ROOKERY_NATS_PORT', 'nats-server'],
  ])('is refused before anything is started, and %s is named', async (variable, name) => {
    holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const taken = String((holder.address() as AddressInfo).port);
    const dataDir = newFolder();
    const env = {
      ROOKERY_INGEST_PORT: String(await freePort()),
      ROOKERY_NATS_PORT: String(await freePort()),
      [variable]: taken,
    };
    await expect(startEmbedded({ root, dataDir, services: ['ingest'], env })).rejects.toThrow(
      `Port ${taken} for ${name} is in use. Stop what uses it, or set ${variable} to another port.`,
    );
    expect(existsSync(join(dataDir, 'logs'))).toBe(false);
    expect(existsSync(join(dataDir, 'launcher.pid'))).toBe(false);
  });
});

describe('npm start as a process of its own', () => {
  let child: ChildProcess | undefined;
  let watched: ProcessIdentity[] = [];
  afterEach(() => {
    child?.kill('SIGKILL');
    for (const process_ of watched) if (isRunning(process_)) process.kill(process_.pid, 'SIGKILL');
  });

  interface Started {
    readonly child: ChildProcess;
    readonly processes: Readonly<Record<string, ProcessIdentity>>;
    readonly ended: Promise<readonly [number | null, string | null]>;
  }

  /** Starts everything on a folder, and resolves when it says that it is ready. */
  async function start(dataDir: string, env: NodeJS.ProcessEnv): Promise<Started> {
    const launcher = spawn(process.execPath, [join(root, 'deploy/dist/start.js')], {
      env: { ...process.env, ...env, ROOKERY_DATA_DIR: dataDir },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = launcher;
    let said = '';
    for (const stream of [launcher.stdout, launcher.stderr])
      stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const ended = once(launcher, 'exit') as Promise<[number | null, string | null]>;
    await until(() => {
      if (launcher.exitCode !== null) throw new Error(`it ended with ${launcher.exitCode}: ${said}`);
      return said.includes('Rookery is ready');
    }, 'everything is ready');
    const { pids } = JSON.parse(readFileSync(join(dataDir, 'system.json'), 'utf8')) as {
      pids: Record<string, number>;
    };
    const processes = Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, identityOf(pid)]));
    watched.push(...Object.values(processes));
    return { child: launcher, processes, ended };
  }

  async function ports(): Promise<NodeJS.ProcessEnv> {
    const names = [
      ...serviceEntries.map(({ portVariable }) => portVariable),
      'ROOKERY_NATS_PORT',
      'ROOKERY_INFERENCE_HTTP_PORT',
    ];
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, String(await freePort())] as const)),
    );
  }

  it('leaves no service behind when it is killed, starts again on the same folder and ports, and stops in order', async () => {
    watched = [];
    const dataDir = newFolder();
    const env = await ports();
    const first = await start(dataDir, env);
    expect(Object.keys(first.processes).sort()).toEqual(
      [...serviceEntries.map(({ name }) => name), 'nats-server'].sort(),
    );
    first.child.kill('SIGKILL');
    await first.ended;

    // At once: the services of the first may still be on their way out, and its nats-server runs.
    const second = await start(dataDir, env);
    expect(
      Object.entries(first.processes)
        .filter(([, item]) => isRunning(item))
        .map(([name]) => name),
    ).toEqual([]);

    second.child.kill('SIGTERM');
    expect(await second.ended).toEqual([0, null]);
    expect(
      Object.entries(second.processes)
        .filter(([, item]) => isRunning(item))
        .map(([name]) => name),
    ).toEqual([]);
    expect(existsSync(join(dataDir, 'launcher.pid'))).toBe(false);
    for (const { name } of serviceEntries) {
      const lines = readFileSync(join(dataDir, 'logs', `${name}.log`), 'utf8')
        .trim()
        .split('\n');
      const last = JSON.parse(lines.at(-1) ?? '{}') as { msg?: string; exit_code?: number };
      expect(last, name).toMatchObject({ msg: 'stopped', exit_code: 0 });
      // The broker was there until the last of them had stopped.
      const sinceReady = lines.slice(lines.findLastIndex((line) => line.includes('"msg":"ready"')));
      expect(
        sinceReady.filter((line) => line.includes('lost the connection')),
        name,
      ).toEqual([]);
    }
  }, 180_000);
});
