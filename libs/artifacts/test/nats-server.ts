import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export interface TestServer {
  readonly url: string;
  stop(): Promise<void>;
}

/** Starts a nats-server with JetStream on a free port; resolves when it takes connections. */
export async function startNatsServer(): Promise<TestServer> {
  const directory = await mkdtemp(join(tmpdir(), 'artifacts-nats-'));
  const server = spawn('nats-server', ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', directory], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  let port: string | undefined;
  for await (const line of createInterface({ input: server.stderr })) {
    port ??= /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (line.includes('Server is ready')) break;
  }
  server.stderr.resume();
  if (port === undefined) throw new Error('nats-server did not start; is it installed and on PATH?');
  return {
    url: `nats://127.0.0.1:${port}`,
    async stop() {
      server.kill('SIGTERM');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
