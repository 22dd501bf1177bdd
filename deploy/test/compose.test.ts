import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { judgeExposure, loadConfig, portVariableOf, variables } from '@rookery/service-kit';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { serviceEntries } from '../src/embedded/services.js';
import { renderCompose } from './render-compose.js';
import type { ComposeService } from './render-compose.js';

const folder = fileURLToPath(new URL('../compose', import.meta.url));
const text = readFileSync(join(folder, 'compose.yaml'), 'utf8');
const compose = renderCompose(text);
const everything = renderCompose(text, {}, ['gpu', 'tools']);
const own = (service: ComposeService): boolean => service.build !== undefined;
const ownServices = Object.entries(everything.services).filter(([, service]) => own(service));

describe('the compose file', () => {
  it('is valid by the schema of the Compose Specification, rendered and as it stands', () => {
    const schema = JSON.parse(
      readFileSync(new URL('./compose-spec/compose-spec.json', import.meta.url), 'utf8'),
    ) as object;
    // Formats such as `duration` are the specification's own and have no standard checker.
    const validate = new Ajv2020({ strict: false, validateFormats: false, allErrors: true }).compile(schema);
    for (const file of [compose, everything]) {
      validate(file);
      expect(validate.errors ?? []).toEqual([]);
    }
    expect(validate({ ...compose, services: { nats: { imagee: 'nats' } } })).toBe(false);
  });

  it('has every service of the embedded system, each with an image built from the one Dockerfile', () => {
    const names = Object.entries(compose.services)
      .filter(([, service]) => own(service))
      .map(([name]) => name);
    expect(names.sort()).toEqual(serviceEntries.map((entry) => entry.name).sort());
    for (const [name, service] of Object.entries(compose.services).filter(([, item]) => own(item))) {
      expect(service.build?.args?.['SERVICE'], name).toBe(name);
      expect(service.image, name).toBe(`rookery/${name}:0.1.0`);
    }
  });

  it('gives every long-lived service a health check, a restart policy and time to stop', () => {
    for (const [name, service] of Object.entries(everything.services)) {
      if (service.restart === 'no') continue;
      expect(service.healthcheck?.test[0], name).toBe('CMD');
      expect(service.restart, name).toBe('unless-stopped');
    }
    const stopMs = Number(variables.ROOKERY_STOP_TIMEOUT_MS.default);
    for (const [name, service] of ownServices) {
      expect(Number.parseInt(service.stop_grace_period ?? '0', 10) * 1000, name).toBeGreaterThan(stopMs);
    }
  });

  it('starts a service after what it needs is healthy', () => {
    for (const [name, service] of Object.entries(everything.services)) {
      for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
        expect(everything.services, `${name} needs ${needed}`).toHaveProperty(needed);
        if (condition === 'service_healthy')
          expect(everything.services[needed]?.healthcheck, needed).toBeDefined();
      }
    }
    for (const [name, service] of ownServices) {
      expect(service.depends_on?.['nats']?.condition, name).toBe('service_healthy');
      const needsStore = !readFileSync(mainOf(name), 'utf8').includes('store: false');
      if (needsStore) expect(service.depends_on?.['mongodb']?.condition, name).toBe('service_healthy');
    }
  });

  it('publishes ports on the loopback address only, each once, and the default port of each service', () => {
    const published = Object.values(everything.services).flatMap((service) => service.ports ?? []);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    expect(new Set(published.map((port) => port.split(':')[1])).size).toBe(published.length);
    for (const [name, service] of Object.entries(compose.services)) {
      const entry = serviceEntries.find((item) => item.name === name);
      for (const port of entry ? (service.ports ?? []) : []) {
        expect(port, name).toBe(`127.0.0.1:${entry?.defaultPort}:${entry?.defaultPort}`);
      }
      expect(service.network_mode, name).toBeUndefined();
      expect(service.privileged, name).toBeUndefined();
    }
  });

  it('sets only variables that Rookery knows, to values that it accepts', () => {
    for (const [name, service] of ownServices) {
      expect(service.environment?.['ROOKERY_HOST'], name).toBe('0.0.0.0');
      for (const [variable, value] of Object.entries(service.environment ?? {})) {
        if (!variable.startsWith('ROOKERY_') && variable !== 'MONGODB_URL') {
          expect(variable, name).toMatch(/^OTEL_/);
          continue;
        }
        expect(Object.keys(variables), `${name} sets ${variable}`).toContain(variable);
        const spec = variables[variable as keyof typeof variables];
        expect(spec.schema.safeParse(String(value)).success, `${name}: ${variable}=${String(value)}`).toBe(
          true,
        );
      }
    }
    const interpolated = [...text.matchAll(/\$\{(ROOKERY_[A-Z_]+)/g)].map((match) => match[1]);
    for (const variable of interpolated) expect(Object.keys(variables)).toContain(variable);
  });

  it('lets the services find each other by name', () => {
    const hosts = Object.keys(compose.services);
    for (const [name, service] of ownServices) {
      for (const variable of ['ROOKERY_NATS_URL', 'MONGODB_URL', 'OTEL_EXPORTER_OTLP_ENDPOINT']) {
        expect(hosts, `${name}: ${variable}`).toContain(
          new URL(String(service.environment?.[variable])).hostname,
        );
      }
    }
    expect(compose.services['console']?.environment?.['ROOKERY_PEER_HOST']).toBe('{service}');
  });

  it('lets ingest read the mounted folder, and nobody write to it', () => {
    const ingest = compose.services['ingest'];
    expect(ingest?.environment?.['ROOKERY_FILE_ROOTS']).toBe('/data');
    expect(ingest?.volumes).toEqual(['../../data:/data:ro']);
    expect(renderCompose(text, { DATA_DIR: '/srv/sets' }).services['ingest']?.volumes).toEqual([
      '/srv/sets:/data:ro',
    ]);
  });

  it('names images by a version, never by latest', () => {
    for (const [name, service] of Object.entries(everything.services)) {
      expect(service.image, name).toMatch(/^[a-z/-]+:\d+\.\d+(\.\d+)?[a-z0-9.-]*$/);
    }
  });

  it('refers to files and volumes that exist', () => {
    for (const [name, service] of Object.entries(everything.services)) {
      if (service.build)
        expect(existsSync(resolve(folder, service.build.context, service.build.dockerfile)), name).toBe(true);
      for (const volume of service.volumes ?? []) {
        const source = volume.split(':')[0] ?? '';
        if (source.startsWith('.'))
          expect(existsSync(resolve(folder, source)), `${name}: ${source}`).toBe(true);
        else expect(Object.keys(everything.volumes ?? {}), `${name}: ${source}`).toContain(source);
      }
    }
  });

  it('starts the GPU trainer with the profile gpu alone', () => {
    expect(compose.services).not.toHaveProperty('trainer-gpu');
    expect(compose.services).not.toHaveProperty('publish');
    const gpu = renderCompose(text, {}, ['gpu']).services['trainer-gpu'];
    expect(gpu?.build?.target).toBe('trainer-gpu');
    expect(gpu?.environment?.['ROOKERY_TF_BACKEND']).toBe('gpu');
    expect(JSON.stringify(gpu?.deploy)).toContain('"capabilities":["gpu"]');
  });

  it('says out loud that its own network is trusted, and lets it be said otherwise', () => {
    for (const [name, service] of ownServices)
      expect(service.environment?.['ROOKERY_ALLOW_INSECURE_NETWORK'], name).toBe('true');
    const strict = renderCompose(text, { ROOKERY_ALLOW_INSECURE_NETWORK: 'false' });
    expect(strict.services['ingest']?.environment?.['ROOKERY_ALLOW_INSECURE_NETWORK']).toBe('false');
  });

  it('asks nobody for a password and holds none', () => {
    expect(text).not.toMatch(/password\s*:|secret|token/i);
  });
});

describe('the compose file with security on', () => {
  const secure = renderCompose(readFileSync(join(folder, 'compose.secure.yaml'), 'utf8'));
  const merged = (name: string): Record<string, string> => ({
    ...(compose.services[name]?.environment as Record<string, string>),
    ...(secure.services[name]?.environment as Record<string, string>),
  });

  it('lets no service start unprotected, and mounts every file that it names', () => {
    expect(Object.keys(secure.services).sort()).toEqual(
      ['nats', ...serviceEntries.map(({ name }) => name)].sort(),
    );
    for (const { name } of serviceEntries) {
      const environment = merged(name);
      const config = loadConfig(
        [],
        Object.fromEntries(
          Object.entries(environment).filter(([variable]) => variable.startsWith('ROOKERY_')),
        ),
      );
      expect(config.ROOKERY_HOST, name).toBe('0.0.0.0');
      expect(config.ROOKERY_ALLOW_INSECURE_NETWORK, name).toBe(false);
      expect(judgeExposure(config, true), name).toEqual({ refusals: [], warnings: [] });
      const targets = (secure.services[name]?.volumes ?? []).map((volume) => volume.split(':')[1] ?? '');
      for (const [variable, value] of Object.entries(environment)) {
        if (!String(value).startsWith('/keys/')) continue;
        expect(
          targets.some((target) => value === target || value.startsWith(`${target}/`)),
          `${name} ${variable}`,
        ).toBe(true);
      }
      expect(secure.services[name]?.volumes, name).toContain(`./keys/users/${name}.nk:/keys/user.nk:ro`);
      for (const volume of secure.services[name]?.volumes ?? []) expect(volume).toMatch(/:ro$/);
    }
  });
});

describe('rendering', () => {
  it('refuses a variable without a value', () => {
    expect(() => renderCompose('services: { a: { image: "x:${TAG}" } }')).toThrow('TAG');
  });

  it('knows the port variable of each service', () => {
    for (const entry of serviceEntries) expect(portVariableOf(entry.name)).toBe(entry.portVariable);
  });
});

function mainOf(name: string): string {
  const service = name === 'trainer-gpu' ? 'trainer' : name;
  return fileURLToPath(new URL(`../../services/${service}/src/main.ts`, import.meta.url));
}
