import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { status } from '@grpc/grpc-js';
import { RookeryClient, peersFromEnvironment } from '@rookery/client';
import { serviceEntries } from '@rookery/deploy/embedded';
import { issueAuthority, issueCertificate } from '@rookery/service-kit/certificates';
import { checkHealth } from '@rookery/service-kit/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { exampleUri, repositoryRoot, startTestSystem } from './support/test-system.js';
import type { TestSystem } from './support/test-system.js';

/*
 * Nobody has a token here: every process shows a certificate, or is not let in. What its holder may do goes by the common name.
 */

const folder = mkdtempSync(join(tmpdir(), 'rookery-mutual-'));
const put = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text, { mode: 0o600 });
  return join(folder, name);
};
const authority = issueAuthority({ commonName: 'Rookery test' });
const stranger = issueAuthority({ commonName: 'Somebody else' });
const ca = put('ca.pem', authority.cert);

/** The variables of a program that shows a certificate of this name, signed by this authority. */
function showing(name: string, signer = authority): Record<string, string> {
  const { cert, key } = issueCertificate({ commonName: name, names: ['localhost', '127.0.0.1'] }, signer);
  const file = signer === authority ? name : `${name}-of-a-stranger`;
  return {
    ROOKERY_TLS_CA: ca,
    ROOKERY_TLS_CERT: put(`${file}.pem`, cert),
    ROOKERY_TLS_KEY: put(`${file}.key`, key),
  };
}

const operator = showing('operator');
const reader = showing('reader');
/** Who trusts the authority, and shows nothing. */
const nobody = { ROOKERY_TLS_CA: ca };
let world: TestSystem;
const clients: RookeryClient[] = [];

function clientWith(env: Readonly<Record<string, string>>): RookeryClient {
  const client = new RookeryClient({
    addresses: world.client.addresses,
    name: 'test',
    peers: peersFromEnvironment(env),
  });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  const certificates = [
    { name: 'the-services', common_name: 'services', roles: ['admin'] },
    { name: 'the-operator', common_name: 'operator', roles: ['admin'] },
    { name: 'the-reader', common_name: 'reader', roles: ['read'] },
  ];
  world = await startTestSystem({
    services: serviceEntries.map(({ name }) => name),
    env: {
      ...showing('services'),
      ROOKERY_TLS_CLIENT_AUTH: 'require',
      ROOKERY_TOKENS_FILE: put('certificates.json', JSON.stringify({ tokens: [], certificates })),
    },
  });
}, 150_000);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await world?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `rookery` with the certificate of these variables; resolves to its exit code and all that it said. */
async function rookery(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; said: string }> {
  const ports = serviceEntries.map(({ name, portVariable }) => [
    portVariable,
    world.system.addresses[name]?.split(':')[1],
  ]);
  const child = spawn(process.execPath, [join(repositoryRoot, 'libs/cli/bin/rookery.js'), ...args], {
    env: { ...process.env, ...Object.fromEntries(ports), ROOKERY_NATS_URL: world.system.natsUrl, ...env },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, said })));
}

describe('a system in which everybody shows a certificate', () => {
  it('takes the penguins to a promoted model that answers, and the command line with a certificate sees it', async () => {
    const client = clientWith(operator);
    const published = await client.publish({
      name: 'penguins',
      uri: exampleUri('penguins.csv'),
      target: 'species',
      epochs: 10,
      gate: { metric: '', threshold: 0, allowWorseThanChampion: true },
    });
    expect((await published.outcome).state).toBe('serving');
    await published.stop();
    const { inputExample } = await client.modelVersion('penguins', 'champion');
    expect(inputExample).toBeDefined();
    const doctor = await rookery(['doctor'], operator);
    expect(doctor.said).not.toContain('NOT OK');
    expect(doctor.code).toBe(0);
    const models = await rookery(['models', '--json'], reader);
    expect(models.code, models.said).toBe(0);
    expect(models.said).toContain('"penguins"');
  });

  it('lets nobody in who shows none, one of a stranger, or speaks plain text: no service, not even for its health', async () => {
    const impostor = showing('operator', stranger);
    for (const [name, address] of Object.entries(world.system.addresses)) {
      if (serviceEntries.find((entry) => entry.name === name)?.protocol === 'http') continue;
      const statusFor = async (env?: Readonly<Record<string, string>>): Promise<string> =>
        (await checkHealth(address, '', 2_000, env && peersFromEnvironment(env).credentials)).status;
      expect(await statusFor(operator), name).toBe('SERVING');
      expect(await statusFor(nobody), `${name}, without a certificate`).toBe('UNREACHABLE');
      expect(await statusFor(impostor), `${name}, with one of a stranger`).toBe('UNREACHABLE');
      expect(await statusFor(), `${name}, in plain text`).toBe('UNREACHABLE');
    }
    for (const env of [nobody, impostor])
      await expect(clientWith(env).models()).rejects.toMatchObject({ code: status.UNAVAILABLE });
    const models = await rookery(['models'], nobody);
    expect(models.code, models.said).not.toBe(0);
    expect(models.said).not.toContain('penguins');
  });

  it('lets the holder of a certificate do what its name may, and no more', async () => {
    const client = clientWith(reader);
    expect((await client.model('penguins')).versions).toHaveLength(1);
    await expect(client.rollBack({ model: 'penguins', actor: '', reason: '' })).rejects.toMatchObject({
      code: 'RK_PERMISSION_DENIED',
    });
    await expect(client.predict('penguins', [{}])).rejects.toMatchObject({ code: 'RK_PERMISSION_DENIED' });
    const admin = clientWith(operator);
    const move = { model: 'penguins', alias: 'champion', version: 1, actor: 'somebody', reason: 'test' };
    await admin.setAlias({ ...move, alias: 'staging', expectedRevision: 0 });
    expect((await client.aliasHistory('penguins', 'staging')).map(({ actor }) => actor)).toEqual([
      'the-operator',
    ]);
  });
});
