import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How to start a broker for a test. */
export interface NatsServerOptions {
  /** Default: a free port. */
  port?: number;
  /** JetStream's folder; default a new one that `stop` removes. */
  dir?: string;
  /** More lines of nats-server configuration, such as `max_payload: 2000`. */
  config?: string;
}

/** A real nats-server with JetStream, on 127.0.0.1. */
export interface NatsServer {
  readonly url: string;
  readonly port: number;
  readonly dir: string;
  readonly pid: number;
  /** Ends it in order and removes its folder where the test kit made it. */
  stop(): Promise<void>;
  /** SIGKILL: a crash of the process. The folder stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and folder, after `kill`, or in the place of a running one. */
  restart(): Promise<void>;
  /** Sends a signal, e.g. SIGSTOP and SIGCONT to freeze it. */
  signal(signal: NodeJS.Signals): void;
}

/** Path of nats-server: `ROOKERY_NATS_SERVER`, else PATH, else /usr/sbin. Throws where there is none. */
export function findNatsServer(): string {
  const named = process.env['ROOKERY_NATS_SERVER'];
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/bin'];
  const candidates = named ? [named] : folders.filter(Boolean).map((folder) => join(folder, 'nats-server'));
  for (const candidate of candidates) {
    try {
      accessSync(candidate, constants.X_OK);
      return candidate;
    } catch {
      // try the next
    }
  }
  throw new Error('nats-server was not found: install it, or set ROOKERY_NATS_SERVER to its path');
}

/** Starts a broker and resolves when it answers with JetStream ready. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const binary = findNatsServer();
  const ownDir = options.dir === undefined;
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'rookery-nats-')));
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const configFile = join(dir, 'nats-server.conf');
    await writeFile(
      configFile,
      `host: 127.0.0.1\nport: ${port}\njetstream { store_dir: ${JSON.stringify(dir)} }\n${options.config ?? ''}\n`,
    );
    let child: ChildProcess;
    try {
      child = await launch(binary, configFile, port);
    } catch (error) {
      // Somebody may have taken the free port in between.
      if (attempt < 3 && options.port === undefined) continue;
      throw error;
    }
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill(signal);
      await exited;
    };
    return {
      url: `nats://127.0.0.1:${port}`,
      port,
      dir,
      get pid() {
        return child.pid ?? 0;
      },
      stop: async () => {
        child.kill('SIGCONT');
        await end('SIGTERM');
        if (ownDir) await rm(dir, { recursive: true, force: true });
      },
      kill: () => end('SIGKILL'),
      restart: async () => {
        await end('SIGTERM');
        child = await launch(binary, configFile, port);
      },
      signal: (signal) => void child.kill(signal),
    };
  }
}

async function launch(binary: string, configFile: string, port: number): Promise<ChildProcess> {
  const child = spawn(binary, ['-c', configFile], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  let ready = false;
  child.stderr?.on('data', (chunk: Buffer) => {
    if (log.length < 100_000) log += chunk.toString();
    ready ||= chunk.includes('Server is ready') || log.includes('Server is ready');
  });
  guardAgainstOrphan(child);
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`nats-server ended at its start:\n${log}`);
    if (ready && (await answers(port))) return child;
    await sleep(10);
  }
  child.kill('SIGKILL');
  throw new Error(`nats-server did not become ready in 20 s:\n${log}`);
}

/**
 * Never leaves a broker behind, even where the test process is killed: a shell waits for the end of a pipe that only
 * this process holds open, and then kills the broker.
 */
function guardAgainstOrphan(child: ChildProcess): void {
  if (child.pid === undefined) return;
  const guard = spawn('/bin/sh', ['-c', 'read _; kill -9 "$0"', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  guard.on('error', () => {}); // no shell: then the exit handler alone has to do
  guard.unref();
  (guard.stdin as unknown as { unref?: () => void } | null)?.unref?.();
  const killAtExit = (): void => void child.kill('SIGKILL');
  process.once('exit', killAtExit);
  child.once('exit', () => {
    process.off('exit', killAtExit);
    guard.kill('SIGKILL');
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const finish = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.once('data', () => finish(true));
    socket.once('error', () => finish(false));
    socket.setTimeout(500, () => finish(false));
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
