import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { createGrpcServer } from '@rookery/service-kit';
import { issueAuthority, issueCertificate } from '@rookery/service-kit/certificates';
import { build } from 'esbuild';
import { afterAll, describe, expect, it } from 'vitest';

import { serviceEntries } from '../src/embedded/services.js';
import { argumentsOf, stagesOf } from './dockerfile.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const text = readFileSync(join(root, 'deploy/docker/Dockerfile'), 'utf8');
const stages = stagesOf(text);
const stage = (name: string): (typeof stages)[number] => {
  const found = stages.find((item) => item.name === name);
  if (!found) throw new Error(`The Dockerfile has no stage ${name}`);
  return found;
};
const runtimes = ['service', 'trainer-gpu'].map(stage);
const scratch = mkdtempSync(join(tmpdir(), 'rookery-docker-'));
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

describe('the Dockerfile', () => {
  it('builds in one stage and runs in another, the service by default', () => {
    expect(stages.map((item) => item.name || item.from)).toEqual([
      'manifests',
      'dependencies',
      'build',
      'service',
      'node-binaries',
      'gpu-base',
      'gpu-packages',
      'trainer-gpu',
      'service',
    ]);
    for (const runtime of runtimes) {
      const copied = argumentsOf(runtime, 'COPY');
      for (const source of copied) expect(source).toMatch(/^--from=(build|gpu-packages) /);
      expect(argumentsOf(runtime, 'RUN').join('\n')).not.toMatch(/npm|apt-get|curl/);
    }
  });

  it('installs what the lock file says', () => {
    expect(argumentsOf(stage('dependencies'), 'RUN').join('\n')).toMatch(/^npm ci /);
  });

  it('runs as a user that is not root, from the first instruction that serves', () => {
    for (const runtime of runtimes) {
      expect(argumentsOf(runtime, 'USER')).toEqual(['1000:1000']);
      const order = runtime.instructions.map((line) => line.split(' ')[0]);
      expect(order.indexOf('USER')).toBeGreaterThan(order.lastIndexOf('COPY'));
      expect(order.indexOf('USER')).toBeLessThan(order.indexOf('CMD'));
    }
  });

  it('starts node itself, so that it is the process that gets SIGTERM', () => {
    for (const runtime of runtimes) {
      expect(argumentsOf(runtime, 'CMD')).toEqual(['["node", "--enable-source-maps", "dist/main.js"]']);
      expect(argumentsOf(runtime, 'ENTRYPOINT')).toEqual([]);
      expect(argumentsOf(runtime, 'HEALTHCHECK').join('')).toContain('CMD ["node", "/app/healthcheck.mjs"]');
    }
  });

  it('names base images by a version, says how to pin them, and carries labels', () => {
    const images = [...text.matchAll(/^ARG \w+_IMAGE=(\S+)$/gm)].map((match) => match[1] ?? '');
    expect(images).toHaveLength(2);
    for (const image of images) expect(image).toMatch(/:\d+[.\w-]*$/);
    expect(text).toContain('@sha256:');
    for (const runtime of runtimes) {
      const labels = argumentsOf(runtime, 'LABEL').join(' ');
      for (const name of ['title', 'description', 'licenses', 'version', 'revision']) {
        expect(labels).toContain(`org.opencontainers.image.${name}=`);
      }
    }
  });

  it('holds no secret, and copies none', () => {
    expect(text).not.toMatch(/\b(ARG|ENV)\s+\w*(PASSWORD|SECRET|TOKEN|KEY)\w*/i);
    const ignored = readFileSync(join(root, 'deploy/docker/Dockerfile.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['*', '**/node_modules', '**/.env', '**/.rookery']));
  });
});

describe('the packages of an image', () => {
  const bundler = readFileSync(join(root, 'deploy/build/bundle-options.mjs'), 'utf8');
  const list = /const external = \[([^\]]+)\]/.exec(bundler)?.[1] ?? '';
  const external = [...list.matchAll(/'([^']+)'/g)].map((match) => match[1] ?? '');
  /** Installed in an image only where something says so: see the stage gpu-packages. */
  const absent = ['@tensorflow/tfjs-node', '@tensorflow/tfjs-node-gpu', 'onnxruntime-node'];

  async function packagesFor(imports: readonly string[]): Promise<string[]> {
    const meta = join(scratch, 'meta.json');
    const outputs = { 'main.js': { imports: imports.map((path) => ({ path, external: true })) } };
    writeFileSync(meta, JSON.stringify({ outputs }));
    const { stdout } = await run(process.execPath, ['deploy/docker/runtime-packages.mjs', meta], {
      cwd: root,
    });
    return JSON.parse(stdout) as string[];
  }

  it('are all that the bundler keeps outside, with everything those need', async () => {
    expect(external.length).toBeGreaterThan(4);
    const wanted = external
      .filter((name) => !absent.includes(name))
      .map((name) => name.replace('/*', '/client-s3'));
    const packages = await packagesFor([...wanted, ...absent, 'node:fs', 'fs']);
    expect(packages).toEqual(expect.arrayContaining(wanted.map((name) => `node_modules/${name}`)));
    for (const folder of packages) {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
      };
      for (const name of Object.keys(manifest.dependencies ?? {})) {
        const places = [`${folder}/node_modules/${name}`, `node_modules/${name}`];
        expect(
          places.some((place) => packages.includes(place)),
          `${folder} needs ${name}`,
        ).toBe(true);
      }
    }
  });

  it('can be had for every bundle as it is today', async () => {
    const entryPoints = readdirSync(join(root, 'services')).flatMap((service) =>
      readdirSync(join(root, 'services', service, 'src'))
        .filter((file) => file === 'main.ts' || file.endsWith('-worker.ts'))
        .map((file) => ({ in: `services/${service}/src/${file}`, out: `${service}/${file}` })),
    );
    expect(entryPoints.length).toBeGreaterThanOrEqual(serviceEntries.length);
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints,
      outdir: 'out',
      write: false,
      bundle: true,
      metafile: true,
      format: 'esm',
      platform: 'node',
      mainFields: ['module', 'main'],
      loader: { '.binpb': 'binary' },
      external,
      logLevel: 'silent',
    });
    const meta = join(scratch, 'all.json');
    writeFileSync(meta, JSON.stringify(metafile));
    const { stdout } = await run(process.execPath, ['deploy/docker/runtime-packages.mjs', meta], {
      cwd: root,
    });
    expect(JSON.parse(stdout)).toEqual(
      expect.arrayContaining(['node_modules/mongodb', 'node_modules/@tensorflow/tfjs-backend-wasm']),
    );
  });

  it('are refused where one is missing', async () => {
    await expect(packagesFor(['no-such-package/part'])).rejects.toThrow('no-such-package is external');
  });

  it('have the GPU binding in the GPU image, at the version of TensorFlow.js', () => {
    const nn = JSON.parse(readFileSync(join(root, 'libs/nn/package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const install = argumentsOf(stage('gpu-packages'), 'RUN').join('\n');
    expect(install).toContain(`@tensorflow/tfjs-node-gpu@${nn.dependencies['@tensorflow/tfjs-core']}`);
  });
});

describe('the health check of an image', () => {
  const script = join(root, 'deploy/docker/healthcheck.mjs');

  async function check(service: string, env: Record<string, string>): Promise<string> {
    try {
      await run(process.execPath, [script], { env: { SERVICE: service, ...env } });
      return 'healthy';
    } catch (error) {
      return (error as { stderr: string }).stderr;
    }
  }

  it('knows the port and the protocol of every service', () => {
    const source = readFileSync(script, 'utf8');
    for (const { name, portVariable, defaultPort, protocol } of serviceEntries) {
      expect(source).toContain(`${name}: ['${portVariable}', ${defaultPort}, '${protocol}'],`);
    }
  });

  it('is healthy while a gRPC service says SERVING, and not before or after', async () => {
    const logger = {
      trace() {},
      debug() {},
      info() {},
      warn() {},
      error() {},
      fatal() {},
      child: () => logger,
    } as never;
    const server = createGrpcServer({
      logger,
      host: '127.0.0.1',
      maxReceiveBytes: 65_536,
      maxStreams: 10,
      reflection: false,
    });
    const env = { ROOKERY_INGEST_PORT: String(await server.listen(0)) };
    expect(await check('ingest', env)).toContain('is not serving');
    server.health.setReady(true);
    expect(await check('ingest', env)).toBe('healthy');
    await server.stop(1_000);
    expect(await check('ingest', env)).toContain('ECONNREFUSED');
  });

  it('asks the console over HTTP', async () => {
    let status = 503;
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/health' ? status : 404).end();
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const env = { ROOKERY_CONSOLE_PORT: String((server.address() as AddressInfo).port) };
    expect(await check('console', env)).toContain('503');
    status = 200;
    expect(await check('console', env)).toBe('healthy');
    server.close();
  });

  it('speaks TLS to a service that has a certificate, with the certificate where one is asked for', async () => {
    const keys = mkdtempSync(join(tmpdir(), 'rookery-health-'));
    const authority = issueAuthority({ commonName: 'Rookery test' });
    const leaf = issueCertificate({ commonName: 'console', names: ['localhost'] }, authority);
    for (const [name, pem] of [
      ['ca', authority.cert],
      ['cert', leaf.cert],
      ['key', leaf.key],
    ] as const)
      writeFileSync(join(keys, name), pem);
    const server = createTlsServer(
      { cert: leaf.cert, key: leaf.key, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (_, response) => response.writeHead(200).end(),
    );
    await new Promise<void>((listening) => server.listen(0, 'localhost', listening));
    const env = {
      ROOKERY_CONSOLE_PORT: String((server.address() as AddressInfo).port),
      ROOKERY_TLS_CERT: join(keys, 'cert'),
      ROOKERY_TLS_KEY: join(keys, 'key'),
      ROOKERY_TLS_CA: join(keys, 'ca'),
    };
    expect(await check('console', env)).toBe('healthy');
    const { ROOKERY_CONSOLE_PORT } = env;
    expect(await check('console', { ROOKERY_CONSOLE_PORT })).not.toBe('healthy');
    server.close();
    rmSync(keys, { recursive: true });
  });

  it('refuses a service that does not exist', async () => {
    expect(await check('nobody', {})).toContain('nobody');
  });
});
