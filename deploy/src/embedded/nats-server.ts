import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';

import { SupervisedProcess } from './supervised-process.js';
import type { SupervisedOptions } from './supervised-process.js';

/** Where nats-server is: ROOKERY_NATS_SERVER, the PATH, or the usual folders; throws with advice where it is not. */
export function findNatsServer(env: NodeJS.ProcessEnv): string {
  const candidates = [
    env['ROOKERY_NATS_SERVER'],
    ...(env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'nats-server')),
    '/usr/sbin/nats-server',
    '/usr/local/bin/nats-server',
  ];
  for (const file of candidates) {
    if (!file) continue;
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not this one
    }
  }
  throw new Error(
    'nats-server was not found. Install it (apt-get install nats-server) or set ROOKERY_NATS_SERVER.',
  );
}

/** Options of the embedded nats-server. */
export interface EmbeddedNatsOptions {
  readonly binary: string;
  readonly port: number;
  /** Folder for JetStream, the configuration and the pid file. */
  readonly directory: string;
  readonly logFile: string;
  readonly onCrash?: SupervisedOptions['onCrash'];
}

/** Largest message, bytes: room for events with long histories; artifacts never travel in messages. */
const maxPayload = 8 * 1024 * 1024;

/**
 * A nats-server with JetStream on disk, on the loopback interface only. Ends a server that an earlier launcher left
 * behind on the same folder (its pid file names it), since two servers on one folder would damage it.
 */
export function embeddedNats(options: EmbeddedNatsOptions): SupervisedProcess {
  mkdirSync(options.directory, { recursive: true });
  const pidFile = join(options.directory, 'nats-server.pid');
  endLeftover(pidFile);
  const configFile = join(options.directory, 'nats-server.conf');
  writeFileSync(
    configFile,
    [
      'server_name: rookery-embedded',
      'host: 127.0.0.1',
      `port: ${options.port}`,
      `pid_file: ${JSON.stringify(pidFile)}`,
      `max_payload: ${maxPayload}`,
      // Who watches and does not read is cut off after this long: until then it holds up whoever reports to it.
      'write_deadline: "2s"',
      'jetstream {',
      `  store_dir: ${JSON.stringify(join(options.directory, 'jetstream'))}`,
      '}',
      '',
    ].join('\n'),
  );
  return new SupervisedProcess({
    name: 'nats-server',
    program: options.binary,
    args: ['-c', configFile],
    env: process.env,
    logFile: options.logFile,
    ...(options.onCrash ? { onCrash: options.onCrash } : {}),
  });
}

function endLeftover(pidFile: string): void {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, 'utf8').trim());
  if (Number.isInteger(pid) && pid > 1 && commandOf(pid).includes('nats-server')) {
    process.kill(pid, 'SIGTERM');
    const deadline = Date.now() + 5_000;
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (commandOf(pid) !== '' && Date.now() < deadline) Atomics.wait(pause, 0, 0, 20);
  }
  rmSync(pidFile, { force: true });
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** Resolves when the server answers on its port; rejects after `deadlineMs`. */
export async function waitForNats(port: number, deadlineMs: number): Promise<void> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    if (await greets(port)) return;
    if (Date.now() > end)
      throw new Error(`nats-server did not answer on port ${port} within ${deadlineMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const done = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.setTimeout(1_000, () => {
      done(false);
    });
    socket.once('data', (data) => {
      done(data.toString('latin1').startsWith('INFO'));
    });
    socket.once('error', () => {
      done(false);
    });
  });
}
