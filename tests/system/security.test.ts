import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { connect, nkeyAuthenticator } from '@nats-io/transport-node';
import type { NatsConnection } from '@nats-io/transport-node';
import { busUserList, newUserKey, renderNatsUsers } from '@rookery/bus/access';
import type { BusUserName } from '@rookery/bus/access';
import { startNatsServer } from '@rookery/bus/testing';
import type { NatsServer } from '@rookery/bus/testing';
import { RookeryClient, loginFromEnvironment, peersFromEnvironment } from '@rookery/client';
import type { Addresses } from '@rookery/client';
import { events } from '@rookery/contracts';
import { startEmbedded } from '@rookery/deploy/embedded';
import type { EmbeddedSystem } from '@rookery/deploy/embedded';
import { issueAuthority, issueCertificate } from '@rookery/service-kit/certificates';
import type { IssuedCertificate } from '@rookery/service-kit/certificates';
import { SearchState } from '@rookery/proto/rookery/transform/v1/transform';
import { checkHealth } from '@rookery/service-kit/client';
import { digestOfToken, newToken } from '@rookery/service-kit/tokens';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { exampleUri, repositoryRoot } from './support/test-system.js';
import { eventually, within } from './support/waiting.js';

/*
 * Everything on at once, with real processes: a broker with TLS where each service is a user of its own that may do what
 * docs/contracts/permissions.md says, mutual TLS between services, tokens with roles for everybody else.
 */

const folder = mkdtempSync(join(tmpdir(), 'rookery-security-'));
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};

const authority = issueAuthority({ commonName: 'Rookery test' });
const leaf = (name: string): IssuedCertificate =>
  issueCertificate({ commonName: name, names: ['localhost', '127.0.0.1'] }, authority);
const ca = put('ca.pem', authority.cert);
const own = leaf('services');
const tls = {
  ROOKERY_TLS_CA: ca,
  ROOKERY_TLS_CERT: put('cert.pem', own.cert),
  ROOKERY_TLS_KEY: put('key.pem', own.key),
};

const tokens = Object.fromEntries(
  ['predict', 'publish', 'read', 'admin'].map((role) => [role, newToken()]),
) as Record<'predict' | 'publish' | 'read' | 'admin', string>;
const consoleToken = newToken();
/** Somebody who has signed in to the console. */
const annsToken = newToken();
const tokensFile = put(
  'tokens.json',
  JSON.stringify({
    tokens: [
      ...Object.entries(tokens).map(([role, token]) => ({ name: `the-${role}`, token, roles: [role] })),
      { name: 'console', token: consoleToken, roles: ['read', 'publish', 'delegate'] },
      { name: 'ann', token: annsToken, roles: ['read', 'publish'] },
    ].map(({ token, ...rest }) => ({ ...rest, sha256: digestOfToken(token).toString('hex') })),
  }),
);

const seeds = new Map(busUserList.map(([name]) => [name, newUserKey()]));
const seedFiles = Object.fromEntries(
  [...seeds].map(([name, { seed }]) => [name, put(`${name}.nk`, `${seed}\n`)]),
) as Record<BusUserName, string>;
const loginOf = (name: BusUserName): Record<string, string> => ({
  ROOKERY_NATS_NKEY: seedFiles[name],
  ROOKERY_NATS_TLS_CA: ca,
});

let nats: NatsServer;
let system: EmbeddedSystem;
let addresses: Addresses;
const clients: RookeryClient[] = [];

/** A client that shows this token and no certificate. */
function clientWith(token?: string, user: BusUserName = 'client'): RookeryClient {
  const client = new RookeryClient({
    addresses,
    name: user,
    peers: peersFromEnvironment({
      ROOKERY_TLS_CA: ca,
      ...(token === undefined ? {} : { ROOKERY_TOKEN: token }),
    }),
    login: loginFromEnvironment(loginOf(user)),
  });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  const users = renderNatsUsers(
    Object.fromEntries([...seeds].map(([name, { publicKey }]) => [name, [publicKey]])),
  );
  nats = await startNatsServer({
    config: [
      'max_payload: 8MB',
      `tls { cert_file: ${JSON.stringify(tls.ROOKERY_TLS_CERT)}, key_file: ${JSON.stringify(tls.ROOKERY_TLS_KEY)} }`,
      users,
    ].join('\n'),
  });
  system = await startEmbedded({
    root: repositoryRoot,
    dataDir: join(folder, 'data'),
    anyPorts: true,
    readyDeadlineMs: 100_000,
    env: {
      ...tls,
      ROOKERY_NATS_URL: nats.url,
      ROOKERY_TOKENS_FILE: tokensFile,
      ROOKERY_LOG_LEVEL: 'debug',
    },
    serviceEnv: {
      ...Object.fromEntries(busUserList.map(([name]) => [name, loginOf(name)])),
      console: { ...loginOf('console'), ROOKERY_TOKEN: consoleToken },
    },
  });
  addresses = { ...(system.addresses as unknown as Addresses), nats: nats.url };
}, 150_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await system?.stop();
  await nats?.stop();
  if (process.env['KEEP_TEST_DATA'] === undefined) rmSync(folder, { recursive: true, force: true });
});

const logOf = (name: string): string => readFileSync(join(folder, `data/logs/${name}.log`), 'utf8');

describe('a system with everything on', () => {
  let predictionId = '';
  let divergingRun = '';

  it('takes the penguins to a promoted model that answers, each service with its own user', async () => {
    const publisher = clientWith();
    const published = await publisher.publish({
      name: 'penguins',
      uri: exampleUri('penguins.csv'),
      target: 'species',
    });
    const end = await within(published.outcome, 'the end of the run', 100_000);
    await published.stop();
    expect(end).toMatchObject({ state: 'serving' });
    const [answer] = await clientWith(tokens.predict).predict('penguins', [
      {
        island: 'Torgersen',
        culmen_length_mm: 39.1,
        culmen_depth_mm: 18.7,
        flipper_length_mm: 181,
        body_mass_g: 3750,
        sex: 'MALE',
      },
    ]);
    expect(answer).toMatchObject({ model: 'penguins', version: 1, label: 'Adelie' });
    predictionId = answer?.id ?? '';
    const report = await clientWith(tokens.publish).report({
      model: 'penguins',
      minPredictions: 1,
      waitMs: 20_000,
    });
    expect(report.model).toBe('penguins');
  });

  it('takes a label, an upload and a second version, and goes back to the first', async () => {
    expect(await clientWith(tokens.publish).label('penguins', [{ predictionId, label: 'Adelie' }])).toBe(1);
    await clientWith(tokens.publish).upload(join(repositoryRoot, 'data/penguins.csv'), {
      name: 'penguins',
      target: 'species',
    });
    const reader = clientWith(tokens.read);
    await until('a second version', async () => (await reader.model('penguins')).versions.length === 2);
    await until('the end of the run', async () =>
      (await reader.runs({ model: 'penguins' })).every((run) => run.endedAtMs > 0),
    );
    const admin = clientWith(tokens.admin);
    const { model } = await reader.model('penguins');
    const champion = model.aliases.find(({ alias }) => alias === 'champion');
    if (champion?.version === 1)
      await admin.setAlias({
        model: 'penguins',
        alias: 'champion',
        version: 2,
        expectedRevision: champion.revision,
        actor: 'somebody else',
        reason: 'test',
      });
    await admin.rollBack({ model: 'penguins', actor: 'somebody else', reason: 'test' });
    const history = await reader.aliasHistory('penguins');
    expect(history.find((change) => change.reasons.includes('test'))?.actor).toBe('the-admin');
    expect(history.map((change) => change.actor)).not.toContain('somebody else');
  });

  it('resumes, cancels and reproduces runs for who may publish, and notes who it was', async () => {
    const reader = clientWith(tokens.read);
    const publisher = clientWith(tokens.publish);
    const { runControl } = publisher;
    const turn = { actor: 'somebody else', reason: 'test' };
    const diverging = { uri: exampleUri('diabetes.csv'), target: 'target', learningRate: 99, epochs: 30 };
    const failing = await publisher.publish({ name: 'diverging', ...diverging });
    const { runId } = failing;
    expect(await within(failing.outcome, 'the failure', 60_000)).toMatchObject({ state: 'failed' });
    await failing.stop();
    await expect(reader.runControl.resume({ runId, ...turn })).rejects.toMatchObject({
      code: 'RK_PERMISSION_DENIED',
    });
    await until('the failed run', async () => (await reader.run(runId)).endedAtMs > 0);
    await runControl.resume({ runId, ...turn });
    await until('the second failure', async () => {
      const run = await reader.run(runId);
      return run.attempt === 2 && run.endedAtMs > 0;
    });
    expect((await reader.run(runId)).changes.map(({ actor }) => actor)).toContain('the-publish');

    // Through the console it is who has signed in; who is not the console can't say for whom it is.
    const forAnn = { runId, ...turn, onBehalfOf: 'ann' };
    for (const token of [tokens.publish, tokens.admin, annsToken])
      await expect(clientWith(token).runControl.resume(forAnn)).rejects.toMatchObject({
        code: 'RK_PERMISSION_DENIED',
      });
    const call = consoleCaller();
    const { cookie } = await call('/api/v1/session', { method: 'POST', body: { token: annsToken } });
    const headers = {
      cookie: (cookie ?? '').split(';')[0] ?? '',
      'rookery-on-behalf-of-bin': Buffer.from('the-admin').toString('base64'),
    };
    const resumed = await call(`/api/v1/runs/${runId}/resume`, { method: 'POST', body: {}, headers });
    expect([resumed.status, resumed.text]).toEqual([200, expect.stringContaining('"actor":"ann"')]);
    await until('the third failure', async () => {
      const run = await reader.run(runId);
      return run.attempt === 3 && run.endedAtMs > 0;
    });
    divergingRun = runId;

    const search = { strategy: 'grid', parallel: 1, space: { learningRate: [0.001, 0.01] } };
    const request = { name: 'searching', uri: exampleUri('penguins.csv'), target: 'species', search };
    const searching = await publisher.publish({ ...request, epochs: 3_000 });
    await until('the search', () =>
      reader.search(searching.runId).then(
        ({ attempts }) => attempts.length > 0,
        () => false,
      ),
    );
    await runControl.cancel({ runId: searching.runId, ...turn });
    await within(searching.outcome, 'the end of the cancelled run', 60_000);
    await searching.stop();
    await until('the end of the search', async () => {
      return (await reader.search(searching.runId)).state === SearchState.SEARCH_STATE_CANCELLED;
    });

    const [completed] = await reader.runs({ model: 'penguins' });
    const asked = await runControl.reproduce({ runId: completed?.runId ?? '', actor: '' });
    await until('the reproduction', async () => {
      return (await reader.runControl.reproduction(asked.reproductionId)).state === 'equal';
    });
  });

  it('lets each service rebuild its lost database, and no other', async () => {
    for (const name of ['ingest', 'transform', 'evaluator', 'registry', 'monitor']) {
      system.processes.get(name)?.kill('SIGSTOP');
      rmSync(join(folder, 'data/store', name), { recursive: true });
      system.processes.get(name)?.kill('SIGKILL');
      await until(`the rebuilt database of ${name}`, async () =>
        logOf(name).includes('the database is rebuilt from the log'),
      );
      await system.waitReady(name, 30_000);
    }
    const reader = clientWith(tokens.read);
    expect((await reader.model('penguins')).versions).toHaveLength(2);
    const { changes } = await reader.run(divergingRun);
    expect(changes.filter(({ kind }) => kind === 'resumed').map(({ actor }) => actor)).toEqual([
      'the-publish',
      'ann',
    ]);
  }, 120_000);

  it('never meets a subject that a service is not allowed', () => {
    for (const name of Object.keys(system.addresses)) {
      const refused = logOf(name)
        .split('\n')
        .filter((line) => /permissions violation/i.test(line))
        // A service that starts before the registry tries to create what is missing, and then waits.
        .filter((line) => !/\$JS\.API\.STREAM\.CREATE\./.test(line));
      expect(refused, name).toEqual([]);
    }
  });

  it('asks everybody for a token with the right role, and nobody for the health of a service', async () => {
    await expect(clientWith().models()).rejects.toMatchObject({ code: 'RK_UNAUTHENTICATED' });
    await expect(clientWith(newToken()).models()).rejects.toMatchObject({ code: 'RK_UNAUTHENTICATED' });
    await expect(clientWith(tokens.predict).models()).rejects.toMatchObject({ code: 'RK_PERMISSION_DENIED' });
    await expect(
      clientWith(tokens.read).rollBack({ model: 'penguins', actor: '', reason: '' }),
    ).rejects.toMatchObject({
      code: 'RK_PERMISSION_DENIED',
    });
    await expect(clientWith(tokens.read).predict('penguins', [{}])).rejects.toMatchObject({
      code: 'RK_PERMISSION_DENIED',
    });
    const { credentials } = peersFromEnvironment({ ROOKERY_TLS_CA: ca });
    for (const [name, address] of Object.entries(system.addresses)) {
      if (name !== 'console')
        expect((await checkHealth(address, '', 5000, credentials)).status, name).toBe('SERVING');
      expect((await checkHealth(address, '', 500)).status, `${name} in plain text`).toBe('UNREACHABLE');
    }
  });

  it('shows the console to who signs in, and to nobody else', async () => {
    const call = consoleCaller();
    expect((await call('/')).status).toBe(200);
    expect((await call('/api/v1/runs')).status).toBe(401);
    expect((await call('/api/v1/stream')).status).toBe(401);
    const signedIn = await call('/api/v1/session', { method: 'POST', body: { token: tokens.read } });
    expect(signedIn.status).toBe(200);
    const cookie = String(signedIn.cookie);
    expect(cookie).toMatch(/^__Host-rookery=.*HttpOnly; SameSite=Strict; Secure$/);
    const headers = { cookie: cookie.split(';')[0] ?? '' };
    expect((await call('/api/v1/runs', { headers })).status).toBe(200);
    expect((await call('/api/v1/system', { headers })).text).toContain('"SERVING"');
    expect(
      (await call('/api/v1/monitor/penguins/report', { method: 'POST', body: {}, headers })).status,
    ).toBe(403);
  });

  it('leaves no secret in any log, at debug', () => {
    const secrets = [
      ...Object.values(tokens),
      consoleToken,
      annsToken,
      ...[...seeds.values()].map(({ seed }) => seed),
    ];
    for (const name of Object.keys(system.addresses)) {
      const log = logOf(name);
      expect(log.length, name).toBeGreaterThan(100);
      for (const secret of secrets) expect(log.includes(secret), name).toBe(false);
    }
  });
});

describe('the broker', () => {
  it('lets no stranger in: without a key, with an unknown one, without TLS', async () => {
    const plain = { servers: nats.url, reconnect: false, timeout: 5_000 };
    await expect(connect({ ...plain, tls: { caFile: ca } })).rejects.toThrow(/authorization/i);
    const seed = new TextEncoder().encode(newUserKey().seed);
    await expect(
      connect({ ...plain, tls: { caFile: ca }, authenticator: nkeyAuthenticator(seed) }),
    ).rejects.toThrow(/authorization/i);
    await expect(connect({ ...plain, authenticator: nkeyAuthenticator(seed) })).rejects.toThrow();
  });

  it.each<[BusUserName, string[]]>([
    [
      'inference',
      ['ml.model.promoted.penguins', 'ml.model.rolledback.penguins', 'ml.dataset.ready', 'ml.dlq.ingest'],
    ],
    ['trainer', ['ml.model.promoted.penguins', 'ml.run.evaluated.x', 'ml.job.fold.x']],
    ['evaluator', ['ml.model.promoted.penguins', 'ml.fold.trained.x']],
    ['transform', ['ml.fold.trained.x', 'ml.dataset.ingested.x']],
    ['ingest', ['ml.run.started.x', 'ml.model.promoted.penguins', 'ml.dlq.registry-run-failed']],
    ['monitor', ['ml.model.promoted.penguins', 'ml.prediction.captured.penguins']],
    ['console', ['ml.dataset.ready', 'ml.label.received.x']],
    ['client', ['ml.model.promoted.penguins', 'ml.run.completed.x', 'ml.job.fold.x', 'ml.dlq.ingest']],
    [
      'registry',
      ['ml.dataset.ready', 'ml.run.evaluated.x', 'ml.fold.trained.x', 'ml.inference.swapped.penguins'],
    ],
  ])('does not let %s publish what is not its own', async (name, subjects) => {
    await asUser(name, async (nc, violations) => {
      const streams = ['ML_EVENTS', 'ML_JOBS', 'ML_CAPTURES', 'ML_DLQ', 'OBJ_rookery-artifacts'];
      const destructive = streams.flatMap((stream) => [
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.PURGE.${stream}`,
        `$JS.API.STREAM.MSG.DELETE.${stream}`,
        ...(name === 'registry'
          ? []
          : [`$JS.API.STREAM.UPDATE.${stream}`, `$JS.API.STREAM.CREATE.${stream}`]),
      ]);
      const others = busUserList
        .filter(([other]) => other !== name)
        .flatMap(([, user]) => ('consumes' in user ? (user.consumes ?? []) : []))
        .flatMap(({ event, durable }) => {
          const { stream, filter } = events[event];
          return [
            `$JS.API.CONSUMER.DELETE.${stream}.${durable}`,
            `$JS.API.CONSUMER.MSG.NEXT.${stream}.${durable}`,
            `$JS.API.CONSUMER.CREATE.${stream}.${durable}.${filter}`,
            `$JS.ACK.${stream}.${durable}.1.1.1.1.0`,
          ];
        });
      const forbidden = [...subjects, ...destructive, ...others];
      for (const subject of forbidden) nc.publish(subject, '{}');
      await nc.flush();
      await vi.waitFor(() =>
        expect([...violations].sort()).toEqual(forbidden.map((subject) => `Publish to "${subject}"`).sort()),
      );
    });
  });

  it.each<BusUserName>(['inference', 'trainer', 'ingest', 'client', 'console'])(
    'does not let %s listen to answers that are for others, or to what it has no business with',
    async (name) => {
      await asUser(name, async (nc, violations) => {
        const forbidden = ['_INBOX.>', '_INBOX.registry.>', '>', '$JS.>', '$O.>'];
        for (const subject of forbidden) nc.subscribe(subject, { callback: () => undefined });
        await nc.flush();
        await vi.waitFor(() =>
          expect([...violations].sort()).toEqual(
            forbidden.map((subject) => `Subscription to "${subject}"`).sort(),
          ),
        );
      });
    },
  );
});

/** A plain connection with the credentials of a user, and what the broker refused to it. */
async function asUser(
  name: BusUserName,
  use: (nc: NatsConnection, violations: string[]) => Promise<void>,
): Promise<void> {
  const seed = new TextEncoder().encode(seeds.get(name)?.seed);
  const nc = await connect({
    servers: nats.url,
    tls: { caFile: ca },
    authenticator: nkeyAuthenticator(seed),
    inboxPrefix: `_INBOX.${name}`,
  });
  const violations: string[] = [];
  void (async () => {
    for await (const status of nc.status())
      if (status.type === 'error')
        violations.push(status.error.message.replace(/^Permissions Violation for /i, ''));
  })();
  try {
    await use(nc, violations);
  } finally {
    await nc.close();
  }
}

function until(what: string, holds: () => Promise<boolean>): Promise<unknown> {
  return eventually(async () => ((await holds()) ? true : undefined), what, 90_000);
}

interface ConsoleAnswer {
  readonly status: number;
  readonly text: string;
  readonly cookie: string | undefined;
}

function consoleCaller(): (
  path: string,
  options?: { method?: string; headers?: Record<string, string>; body?: object },
) => Promise<ConsoleAnswer> {
  const [host = '', port = ''] = (system.addresses['console'] ?? '').split(':');
  return async (path, { method = 'GET', headers = {}, body } = {}) => {
    const { request } = await import('node:https');
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host,
          port,
          path,
          method,
          ca: authority.cert,
          agent: false,
          headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => {
            resolve({ status: response.statusCode ?? 0, text, cookie: response.headers['set-cookie']?.[0] });
          });
        },
      );
      call.on('error', reject);
      call.end(body && JSON.stringify(body));
    });
  };
}
