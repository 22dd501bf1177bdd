import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import * as grpc from '@grpc/grpc-js';
import { RegistryServiceClient, RegistryServiceService } from '@rookery/proto/rookery/registry/v1/registry';
import type { ListModelsResponse } from '@rookery/proto/rookery/registry/v1/registry';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { issueAuthority, issueCertificate } from '../src/certificates/index.js';
import type { IssuedCertificate } from '../src/certificates/index.js';
import { callUnary, checkHealth, createGrpcClient, createGrpcServer, unary } from '../src/index.js';
import type { CallContext, GrpcServer } from '../src/index.js';
import { createAuthoriser } from '../src/security/authoriser.js';
import { serverCredentialsOf } from '../src/security/grpc-credentials.js';
import { onBehalfOf } from '../src/security/on-behalf-of.js';
import { peersFromEnvironment } from '../src/security/peers.js';
import { TlsFiles } from '../src/security/tls-files.js';
import { digestOfToken, newToken } from '../src/security/tokens.js';
import { memoryLogger } from './echo-service.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-grpc-security-'));
const authority = issueAuthority({ commonName: 'Rookery test' });
const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
afterEach(async () => {
  for (const end of ends.splice(1).reverse()) await end();
});

const path = (name: string): string => join(folder, name);
/** Replaces a file as a careful operator does: written aside, then renamed. */
function put(name: string, text: string): string {
  writeFileSync(path(`${name}.next`), text);
  renameSync(path(`${name}.next`), path(name));
  return path(name);
}
function putPair(name: string, { cert, key }: IssuedCertificate): { cert: string; key: string } {
  return { key: put(`${name}.key`, key), cert: put(`${name}.pem`, cert) };
}
const leaf = (commonName: string): IssuedCertificate =>
  issueCertificate({ commonName, names: ['localhost', '127.0.0.1'] }, authority);
const ca = put('ca.pem', authority.cert);

interface Served {
  server: GrpcServer;
  address: string;
  files: TlsFiles;
  seen: CallContext[];
  logger: ReturnType<typeof memoryLogger>;
}

async function serve(options: {
  mutual?: boolean;
  tokensFile?: string;
  authorise?: boolean;
}): Promise<Served> {
  const files = new TlsFiles({ ...putPair('server', leaf('registry')), ...(options.mutual ? { ca } : {}) });
  const logger = memoryLogger();
  const seen: CallContext[] = [];
  const server = createGrpcServer({
    logger,
    credentials: serverCredentialsOf(files, options.mutual ?? false),
    ...(options.authorise === false
      ? {}
      : { authoriser: createAuthoriser({ tokensFile: options.tokensFile, checkEveryMs: 0 }) }),
  });
  const rest = Object.fromEntries(
    Object.keys(RegistryServiceService).map((name) => [name, unary<unknown, unknown>(() => ({}))]),
  );
  server.addService(RegistryServiceService, {
    ...rest,
    listModels: unary<unknown, ListModelsResponse>((_, context) => {
      seen.push(context);
      return { models: [] };
    }),
  });
  const address = `127.0.0.1:${await server.listen(0)}`;
  ends.push(() => server.stop(2000));
  return { server, address, files, seen, logger };
}

function clientOf(address: string, env: Record<string, string>): RegistryServiceClient {
  const client = createGrpcClient(RegistryServiceClient, address, { peers: peersFromEnvironment(env) });
  ends.push(() => client.close());
  return client;
}

const list = (client: RegistryServiceClient): Promise<ListModelsResponse> =>
  callUnary(client, 'listModels', { limit: 1, offset: 0 }, { timeoutMs: 5000 });

const tokens = (...entries: [name: string, token: string, ...roles: string[]][]): string =>
  put(
    'tokens.json',
    JSON.stringify({
      tokens: entries.map(([name, token, ...roles]) => ({
        name,
        sha256: digestOfToken(token).toString('hex'),
        roles,
      })),
    }),
  );

describe('a gRPC server with tokens', () => {
  it('tells a handler who calls, and keeps the token from it', async () => {
    const token = newToken();
    const { address, seen } = await serve({ tokensFile: tokens(['dashboard', token, 'read']) });
    await list(clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN: token }));
    expect(seen[0]?.caller).toMatchObject({ name: 'dashboard' });
    expect(seen[0]?.metadata.get('authorization')).toEqual([]);
  });

  it('answers UNAUTHENTICATED or PERMISSION_DENIED with code and hint before any handler runs', async () => {
    const token = newToken();
    const { address, seen, logger } = await serve({ tokensFile: tokens(['predictor', token, 'predict']) });
    await expect(list(clientOf(address, { ROOKERY_TLS_CA: ca }))).rejects.toMatchObject({
      code: 'RK_UNAUTHENTICATED',
      hint: expect.stringContaining('rookery tokens create') as string,
      cause: { code: grpc.status.UNAUTHENTICATED },
    });
    await expect(
      list(clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN: newToken() })),
    ).rejects.toMatchObject({ code: 'RK_UNAUTHENTICATED' });
    await expect(list(clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN: token }))).rejects.toMatchObject(
      {
        code: 'RK_PERMISSION_DENIED',
        cause: { code: grpc.status.PERMISSION_DENIED },
      },
    );
    expect(seen).toEqual([]);
    expect(logger.lines.filter((line) => line.message.startsWith('call refused'))).toHaveLength(1);
    expect(JSON.stringify(logger.lines)).not.toContain(token);
  });

  it('tells a handler for whom the console calls, and refuses to hear it from anybody else', async () => {
    const [console_, ann] = [newToken(), newToken()];
    const tokensFile = tokens(['console', console_, 'read', 'delegate'], ['ann', ann, 'read']);
    const { address, seen } = await serve({ tokensFile });
    const forAnn = (token: string): Promise<ListModelsResponse> => {
      const client = clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN: token });
      const metadata = onBehalfOf('ann');
      return callUnary(client, 'listModels', { limit: 1, offset: 0 }, { timeoutMs: 5000, metadata });
    };
    await forAnn(console_);
    expect(seen[0]?.caller).toEqual({ name: 'ann', roles: ['read'], via: 'console' });
    expect(Object.keys(seen[0]?.metadata.getMap() ?? {})).not.toContain('rookery-on-behalf-of-bin');
    await expect(forAnn(ann)).rejects.toMatchObject({
      code: 'RK_PERMISSION_DENIED',
      hint: expect.stringContaining('delegate') as string,
    });
    expect(seen).toHaveLength(1);
  });

  it('answers health to anybody who speaks TLS, and to nobody in plain text', async () => {
    const { address, server } = await serve({ tokensFile: tokens() });
    server.health.setReady(true);
    const { credentials } = peersFromEnvironment({ ROOKERY_TLS_CA: ca });
    expect(await checkHealth(address, '', 5000, credentials)).toEqual({ status: 'SERVING' });
    expect(await checkHealth(address, '', 500)).toMatchObject({ status: 'UNREACHABLE' });
  });

  it('changes a token under running calls without refusing one', async () => {
    const [before, after] = [newToken(), newToken()];
    const { address, seen } = await serve({ tokensFile: tokens(['app', before, 'read']) });
    const tokenFile = put('client-token', before);
    const client = clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN_FILE: tokenFile });
    const traffic = startTraffic(() => list(client));
    await traffic.calls(50);
    // The steps of the runbook: both are valid, the clients change over, the old one goes.
    tokens(['app', before, 'read'], ['app-2', after, 'read']);
    await traffic.calls(50);
    put('client-token', after);
    const old = clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TOKEN: before });
    // A client looks at its file once a second.
    await vi.waitFor(() => expect(seen.at(-1)?.caller?.name).toBe('app-2'), { timeout: 20_000 });
    await traffic.calls(50);
    tokens(['app-2', after, 'read']);
    await traffic.calls(50);
    await expect(list(old)).rejects.toMatchObject({ code: 'RK_UNAUTHENTICATED' });
    expect(await traffic.end()).toEqual([]);
  });
});

describe('a gRPC server with mutual TLS', () => {
  it('lets nobody in without a certificate of its authority', async () => {
    const { address, seen } = await serve({ mutual: true });
    const stranger = issueAuthority({ commonName: 'Rookery test' });
    const forged = putPair(
      'forged',
      issueCertificate({ commonName: 'console', names: ['localhost'] }, stranger),
    );
    for (const env of [
      { ROOKERY_TLS_CA: ca },
      { ROOKERY_TLS_CA: ca, ROOKERY_TLS_CERT: forged.cert, ROOKERY_TLS_KEY: forged.key },
    ])
      await expect(list(clientOf(address, env))).rejects.toMatchObject({ code: grpc.status.UNAVAILABLE });
    expect(seen).toEqual([]);
  });

  it('knows a caller by the name in its certificate', async () => {
    const { address, seen } = await serve({ mutual: true });
    const { cert, key } = putPair('console', leaf('console'));
    await list(clientOf(address, { ROOKERY_TLS_CA: ca, ROOKERY_TLS_CERT: cert, ROOKERY_TLS_KEY: key }));
    expect(seen[0]?.caller).toEqual({ name: 'console', roles: ['admin', 'delegate'] });
  });
});

describe('a client', () => {
  it('refuses a server whose certificate another authority signed, or that has another name', async () => {
    const { address } = await serve({ authorise: false });
    const other = put('other-ca.pem', issueAuthority({ commonName: 'Another' }).cert);
    await expect(list(clientOf(address, { ROOKERY_TLS_CA: other }))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
    const port = address.split(':')[1];
    await expect(list(clientOf(`127.0.0.2:${port}`, { ROOKERY_TLS_CA: ca }))).rejects.toMatchObject({
      code: grpc.status.UNAVAILABLE,
    });
  });

  it('never sends its token in the clear to another machine', () => {
    const peers = peersFromEnvironment({ ROOKERY_TOKEN: newToken() });
    expect(() => peers.check('10.0.0.1:7073')).toThrow('in the clear');
    expect(() => peers.check('registry:7073')).toThrow('in the clear');
    expect(() => peers.check('127.0.0.1:7073')).not.toThrow();
    expect(() => peers.check('[::1]:7073')).not.toThrow();
  });
});

describe('TLS', () => {
  const handshake = (port: number, options: ConnectionOptions): Promise<string | null> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port, ca: authority.cert, ALPNProtocols: ['h2'], ...options },
        () => {
          resolve(socket.getProtocol());
          socket.destroy();
        },
      );
      socket.once('error', reject);
    });

  it('is 1.2 or newer', async () => {
    const { server } = await serve({ authorise: false });
    expect(await handshake(server.port, {})).toBe('TLSv1.3');
    expect(await handshake(server.port, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    await expect(
      handshake(server.port, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }),
    ).rejects.toThrow();
  });

  it.each([false, true])(
    'renews its certificate under running calls without losing one (mutual: %s)',
    async (mutual) => {
      const { address, server, files } = await serve({ mutual, authorise: false });
      const own = putPair('client', leaf('client'));
      const env = { ROOKERY_TLS_CA: ca, ROOKERY_TLS_CERT: own.cert, ROOKERY_TLS_KEY: own.key };
      const client = clientOf(address, env);
      const traffic = startTraffic(() => list(client));
      await traffic.calls(50);
      const before = await serialOf(server.port, own);
      putPair('server', leaf('registry'));
      await renewed(files);
      await traffic.calls(50);
      // Connections that are made from now on see the new certificate; the one of the traffic goes on.
      expect(await serialOf(server.port, own)).not.toBe(before);
      await list(clientOf(address, env));
      await traffic.calls(50);
      expect(await traffic.end()).toEqual([]);
    },
  );

  it('goes on with the certificate before while a renewal is half written, damaged or expired', async () => {
    const messages: string[] = [];
    const { cert, key } = putPair('careful', leaf('registry'));
    const files = new TlsFiles({ cert, key }, (message, error) => messages.push(error?.message ?? message));
    const good = files.material;
    const next = leaf('registry');
    put('careful.pem', next.cert);
    files.check();
    files.check();
    expect(messages).toEqual([expect.stringContaining('does not belong to the certificate')]);
    rmSync(path('careful.key'));
    files.check();
    put('careful.pem', 'nonsense');
    put('careful.key', next.key);
    files.check();
    const expired = issueCertificate({ commonName: 'x', from: new Date('2020-01-01'), days: 1 }, authority);
    putPair('careful', expired);
    files.check();
    expect(files.material).toBe(good);
    expect(messages.at(-1)).toContain('has expired');
    putPair('careful', next);
    files.check();
    expect(files.material.cert?.toString()).toBe(next.cert);
    expect(messages.at(-1)).toBe('certificates renewed');
  });

  const serialOf = (port: number, own: { cert: string; key: string }): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect(
        { host: '127.0.0.1', port, ALPNProtocols: ['h2'], ca: authority.cert, ...pairOf(own) },
        () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        },
      );
      socket.once('error', reject);
    });
});

function pairOf({ cert, key }: { cert: string; key: string }): { cert: Buffer; key: Buffer } {
  const { material } = new TlsFiles({ cert, key });
  return { cert: material.cert ?? Buffer.alloc(0), key: material.key ?? Buffer.alloc(0) };
}

/** Resolves with the renewal that the server itself has seen. */
function renewed(files: TlsFiles): Promise<void> {
  return new Promise((resolve) => {
    const off = files.onRenewal(() => {
      off();
      resolve();
    });
  });
}

/** Calls one after the other until it is ended, and keeps what failed. */
function startTraffic(call: () => Promise<unknown>): {
  calls(count: number): Promise<void>;
  end(): Promise<unknown[]>;
} {
  const failures: unknown[] = [];
  let made = 0;
  let going = true;
  const waiting = new Set<() => void>();
  ends.push(() => {
    going = false;
  });
  const done = (async () => {
    while (going) {
      await call().catch((error: unknown) => failures.push(error));
      await new Promise((resolve) => setImmediate(resolve));
      made += 1;
      for (const wake of waiting) wake();
    }
  })();
  return {
    calls: (count) =>
      new Promise((resolve) => {
        const until = made + count;
        const look = (): void => {
          if (made < until) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      }),
    end: async () => {
      going = false;
      await done;
      return failures;
    },
  };
}
