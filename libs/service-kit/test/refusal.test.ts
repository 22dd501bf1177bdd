import { execFile, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { issueAuthority, issueCertificate } from '../src/certificates/index.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'rookery-refusal-'));

/** Runs the service until it ends, or until it says that it is ready; then it is stopped. */
function run(
  env: Record<string, string>,
  entry = 'main',
): Promise<{ code: number | null; output: string; ready: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(folder, `dist/${entry}.js`)], {
      env: { PATH: process.env['PATH'], ROOKERY_INGEST_PORT: '0', ROOKERY_LOG_LEVEL: 'trace', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let ready = false;
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (ready || !output.includes('"msg":"ready"')) return;
      ready = true;
      child.kill('SIGTERM');
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('close', (code) => resolve({ code, output, ready }));
  });
}

const authority = issueAuthority({ commonName: 'Rookery test' });
const leaf = issueCertificate({ commonName: 'ingest', names: ['localhost'] }, authority);
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

beforeAll(async () => {
  mkdirSync(join(folder, 'src'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  // The second one, with bus and store, in the place of a worker: the bundler builds those as well.
  for (const [name, fixture] of [
    ['main', 'main'],
    ['stores-worker', 'stores'],
  ])
    writeFileSync(
      join(folder, `src/${name}.ts`),
      `import ${JSON.stringify(join(root, `libs/service-kit/test/fixture/${fixture}.ts`))};\n`,
    );
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  await promisify(execFile)(process.execPath, [join(root, 'deploy/build/bundle.mjs')], { cwd: folder });
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a service that others could reach', () => {
  it('does not start unprotected, and names what to set', async () => {
    const { code, output, ready } = await run({ ROOKERY_HOST: '0.0.0.0' });
    expect({ code, ready }).toEqual({ code: 78, ready: false });
    for (const name of ['ROOKERY_TLS_CERT', 'ROOKERY_TOKENS_FILE', 'ROOKERY_ALLOW_INSECURE_NETWORK'])
      expect(output).toContain(name);
  });

  it('starts where the operator vouches for the network, and says so', async () => {
    const { code, output } = await run({ ROOKERY_HOST: '0.0.0.0', ROOKERY_ALLOW_INSECURE_NETWORK: 'true' });
    expect(code).toBe(0);
    expect(output).toContain('"level":"warn"');
    expect(output).toContain('insecure: ROOKERY_HOST is 0.0.0.0');
  });

  it('starts with TLS and tokens', async () => {
    const { code, ready } = await run({
      ROOKERY_HOST: '0.0.0.0',
      ROOKERY_TLS_CERT: file('cert.pem', leaf.cert),
      ROOKERY_TLS_KEY: file('key.pem', leaf.key),
      ROOKERY_TOKENS_FILE: file('tokens.json', '{"tokens":[]}'),
    });
    expect({ code, ready }).toEqual({ code: 0, ready: true });
  });

  it.each([
    [
      'a key of another certificate',
      { ROOKERY_TLS_CERT: leaf.cert, ROOKERY_TLS_KEY: authority.key },
      'does not belong',
    ],
    ['a file of tokens that is none', { ROOKERY_TOKENS_FILE: '{"tokens": 7}' }, 'ROOKERY_TOKENS_FILE'],
  ])('does not start with %s', async (_, files, why) => {
    const env = Object.fromEntries(
      Object.entries(files).map(([name, text]) => [name, file(`bad-${name}`, text)]),
    );
    const { code, output } = await run(env);
    expect(code).toBe(78);
    expect(output).toContain(why);
  });
});

describe('a secret of the configuration', () => {
  const secrets = {
    password: 'pa55/w%rd"x',
    broker: 'br0ker-s3cret',
    token: 'rk_0123456789abcdefghijklmnop',
    s3: 'AwsSecret/Key+0123456789',
    collector: 'collector-api-key-1',
  };
  const forms = Object.values(secrets).flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
  ]);

  it('is never printed, at trace, whatever goes wrong with what it opens', async () => {
    const { code, output } = await run(
      {
        MONGODB_URL: `mongodb://rookery:${encodeURIComponent(secrets.password)}@127.0.0.1:1/?serverSelectionTimeoutMS=100`,
        ROOKERY_NATS_URL: `nats://ingest:${secrets.broker}@127.0.0.1:1`,
        ROOKERY_TOKEN: secrets.token,
        AWS_SECRET_ACCESS_KEY: secrets.s3,
        OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${secrets.collector}`,
        ROOKERY_CONNECT_TIMEOUT_MS: '300',
      },
      'stores-worker',
    );
    expect(code).toBe(69);
    expect(output).toContain('127.0.0.1:1');
    for (const form of forms) expect(output).not.toContain(form);
  });

  it('is never printed where the service itself puts it into errors, fields and messages', async () => {
    const { output } = await run({
      MONGODB_URL: `mongodb://rookery:${encodeURIComponent(secrets.password)}@127.0.0.1:1`,
      ROOKERY_TOKEN: secrets.token,
      AWS_SECRET_ACCESS_KEY: secrets.s3,
      FIXTURE_LEAK: JSON.stringify(
        Object.values(secrets).filter((secret) => secret !== secrets.broker && secret !== secrets.collector),
      ),
    });
    expect(output).toContain('leaked by a driver');
    expect(output).toContain('***');
    for (const secret of [secrets.password, secrets.token, secrets.s3]) {
      expect(output).not.toContain(secret);
      expect(output).not.toContain(JSON.stringify(secret).slice(1, -1));
    }
  });

  it('is not printed where its variable is refused', async () => {
    const { code, output } = await run({
      ROOKERY_TOKEN: 'shorty-secret',
      MONGODB_URL: 'http://u:hidden-pw@host',
    });
    expect(code).toBe(78);
    expect(output).toContain('ROOKERY_TOKEN is *** (not shown)');
    for (const secret of ['shorty-secret', 'hidden-pw']) expect(output).not.toContain(secret);
  });
});
