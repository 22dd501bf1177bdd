import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as grpc from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { callUnary, checkHealth } from '../src/index.js';
import { EchoClient } from './echo-service.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rookery-kit-'));
const running: ChildProcess[] = [];

interface Service {
  child: ChildProcess;
  lines: Record<string, unknown>[];
  /** Resolves with the line whose message is `message`, also if it was logged before. */
  line(message: string): Promise<Record<string, unknown>>;
  exit: Promise<number | null>;
  client(): EchoClient;
  port(): Promise<number>;
}

function follow(child: ChildProcess): Service {
  running.push(child);
  const lines: Record<string, unknown>[] = [];
  const waiting = new Set<() => void>();
  let rest = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() ?? '';
    for (const part of parts) lines.push(JSON.parse(part) as Record<string, unknown>);
    for (const wake of waiting) wake();
  });
  // Not 'close': it does not come for a child whose IPC channel was closed from here.
  const drained = child.stdout === null ? Promise.resolve() : once(child.stdout, 'end');
  const exit = Promise.all([once(child, 'exit'), drained]).then(([[code]]) => code as number | null);
  const line = (message: string): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = lines.find((entry) => entry['msg'] === message);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void exit.then(
        () => (look(), reject(new Error(`ended without '${message}': ${JSON.stringify(lines)}`))),
      );
    });
  const port = async (): Promise<number> => Number(String((await line('ready'))['grpc']).split(':')[1]);
  let connected: EchoClient | undefined;
  void port().then(
    (number) => (connected = new EchoClient(`127.0.0.1:${number}`, grpc.credentials.createInsecure())),
    () => undefined,
  );
  void exit.then(() => connected?.close());
  return { child, lines, line, exit, port, client: () => connected as EchoClient };
}

function start(env: Record<string, string> = {}, ipc = false): Service {
  const child = spawn(process.execPath, [join(folder, 'dist/main.js')], {
    env: { PATH: process.env['PATH'], ROOKERY_INGEST_PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit', ...(ipc ? (['ipc'] as const) : [])],
  });
  return follow(child);
}

/** The answer to a reflection request `list_services: ""`, as bytes. */
async function listServices(address: string): Promise<Buffer> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const identity = (bytes: Buffer): Buffer => bytes;
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const call = client.makeBidiStreamRequest(path, identity, identity, new grpc.Metadata(), {});
  try {
    const answer = once(call, 'data');
    call.write(Buffer.from([0x3a, 0x00]));
    return (await answer)[0] as Buffer;
  } finally {
    call.end();
    client.close();
  }
}

beforeAll(async () => {
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(
    join(folder, 'src/main.ts'),
    `import ${JSON.stringify(join(root, 'libs/service-kit/test/fixture/main.ts'))};\n`,
  );
  writeFileSync(join(folder, 'src/count-worker.ts'), 'export const worker = true;\n');
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await promisify(execFile)(process.execPath, [join(root, 'deploy/build/bundle.mjs')], { cwd: folder });
}, 60_000);

afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a bundled service', () => {
  it('is SERVING when it says ready, answers reflection from its bundle, and stops in order on SIGTERM', async () => {
    const service = start();
    const address = `127.0.0.1:${await service.port()}`;
    expect(await checkHealth(address, 'rookery.test.v1.EchoService', 5000)).toEqual({ status: 'SERVING' });
    await expect(listServices(address)).resolves.toBeInstanceOf(Buffer);
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(0);
    expect(service.lines.map((line) => line['msg'])).toEqual([
      'ready',
      'stopping',
      'intake',
      'last registered',
      'first registered',
      'stopped',
    ]);
  });

  it('lets a call in flight end before it stops', async () => {
    const service = start();
    await service.port();
    const call = callUnary(service.client(), 'one', 'wait300');
    await service.line('call began');
    service.child.kill('SIGTERM');
    expect(await call).toBe(`${service.child.pid} wait300`);
    expect(await service.exit).toBe(0);
  });

  it('does not wait longer than ROOKERY_STOP_TIMEOUT_MS for a call that never ends', async () => {
    const service = start({ ROOKERY_STOP_TIMEOUT_MS: '400' });
    await service.port();
    const call = callUnary(service.client(), 'one', 'hang', { timeoutMs: 60_000 }).catch(
      (error: grpc.ServiceError) => error.code,
    );
    await callUnary(service.client(), 'one', 'x');
    service.child.kill('SIGTERM');
    expect(await call).not.toBe('x');
    expect(await service.exit).toBe(0);
  });

  it('ends at once on a second signal', async () => {
    const service = start({ ROOKERY_STOP_TIMEOUT_MS: '600000' });
    await service.port();
    const call = callUnary(service.client(), 'one', 'hang').catch(() => undefined);
    await callUnary(service.client(), 'one', 'x');
    service.child.kill('SIGTERM');
    await service.line('stopping');
    service.child.kill('SIGTERM');
    expect(await service.exit).toBe(143);
    await call;
  });

  it('refuses a bad configuration with exit code 78, naming every fault', async () => {
    const service = start({ ROOKERY_INGEST_PROT: '1', ROOKERY_MAX_COLUMNS: 'many' });
    expect(await service.exit).toBe(78);
    expect(service.lines[0]?.['problems']).toEqual([
      'ROOKERY_INGEST_PROT is not a variable of Rookery: did you mean ROOKERY_INGEST_PORT?',
      'ROOKERY_MAX_COLUMNS is "many", expected an integer ≥ 1',
    ]);
  });

  it('ends with 69 if its port is taken', async () => {
    const first = start();
    const second = start({ ROOKERY_INGEST_PORT: String(await first.port()) });
    expect(await second.exit).toBe(69);
    expect(second.lines.map((line) => line['msg']).join()).toContain('Is another instance running?');
  });

  it('logs an uncaught exception with its stack, stops in order and ends with 70', async () => {
    const service = start();
    await service.port();
    await callUnary(service.client(), 'one', 'throw').catch(() => undefined);
    expect(await service.exit).toBe(70);
    const fatal = service.lines.find((line) => line['level'] === 'fatal');
    expect((fatal?.['err'] as { stack: string }).stack).toContain('thrown outside of any call');
    expect(service.lines.at(-1)?.['msg']).toBe('stopped');
  });

  it('ends with 69 if what it needs stays away while it starts', async () => {
    const service = start({ FIXTURE_FAIL: 'away' });
    expect(await service.exit).toBe(69);
    expect(service.lines.map((line) => line['msg'])).toContain(
      'the service cannot start: stream ML_EVENTS: the broker did not answer',
    );
  });

  it('ends with 70 if its start fails, after closing what was open', async () => {
    const service = start({ FIXTURE_FAIL: 'start' });
    expect(await service.exit).toBe(70);
    expect(service.lines.map((line) => line['msg'])).toContain(
      'the service cannot start: this service cannot start',
    );
    expect(service.lines.map((line) => line['msg'])).toContain('last registered');
  });
});

describe('the death of the parent', () => {
  it('stops a service that has an IPC channel to it', async () => {
    const service = start({}, true);
    await service.port();
    service.child.disconnect();
    expect(await service.exit).toBe(0);
    expect((await service.line('stopping'))['reason']).toBe('parent process has gone');
  });

  it('stops a service with ROOKERY_STOP_ON_PARENT_EXIT, even if the parent was killed with SIGKILL', async () => {
    // The service inherits the standard output of its parent, so its lines still come when the parent is dead.
    const code = `require('node:child_process').spawn(process.execPath, [${JSON.stringify(join(folder, 'dist/main.js'))}], { stdio: 'inherit' })`;
    const parent = follow(
      spawn(process.execPath, ['-e', code], {
        env: { PATH: process.env['PATH'], ROOKERY_INGEST_PORT: '0', ROOKERY_STOP_ON_PARENT_EXIT: 'true' },
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    await parent.port();
    parent.child.kill('SIGKILL');
    expect((await parent.line('stopped'))['reason']).toBe('parent process has gone');
    await parent.exit;
  });
});
