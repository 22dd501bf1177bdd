import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ConfigError,
  defineConfig,
  loadConfig,
  portVariableOf,
  renderConfigTable,
  variables,
} from '../src/index.js';

function problemsOf(env: Record<string, string>, ...keys: (keyof typeof variables)[]): readonly string[] {
  try {
    loadConfig(keys, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
  return [];
}

describe('loadConfig', () => {
  it('gives typed defaults for an empty environment, frozen', () => {
    const config = loadConfig(
      defineConfig('ROOKERY_INGEST_PORT', 'ROOKERY_DRIFT_SHARE', 'ROOKERY_FILE_ROOTS'),
      {},
    );
    const port: number = config.ROOKERY_INGEST_PORT;
    const mongo: string | undefined = config.MONGODB_URL;
    expect([
      port,
      mongo,
      config.ROOKERY_NATS_URL,
      config.ROOKERY_DRIFT_SHARE,
      config.ROOKERY_FILE_ROOTS,
    ]).toEqual([7074, undefined, 'nats://127.0.0.1:7422', 0.5, undefined]);
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('has a default for every variable that its own schema takes', () => {
    for (const [name, spec] of Object.entries(variables)) {
      if (spec.default !== undefined) expect(spec.schema.safeParse(spec.default).success, name).toBe(true);
    }
  });

  it('reads the values of the environment, and takes an empty one for not set', () => {
    const config = loadConfig(['ROOKERY_FILE_ROOTS', 'ROOKERY_TRAINER_WORKERS'], {
      ROOKERY_FILE_ROOTS: '/data:/srv/sets',
      ROOKERY_TRAINER_WORKERS: '3',
      ROOKERY_STOP_ON_PARENT_EXIT: '1',
      ROOKERY_LOG_LEVEL: '  ',
      MONGODB_URL: 'mongodb://a,b/rookery?replicaSet=r',
    });
    expect(config).toMatchObject({
      ROOKERY_FILE_ROOTS: ['/data', '/srv/sets'],
      ROOKERY_TRAINER_WORKERS: 3,
      ROOKERY_STOP_ON_PARENT_EXIT: true,
      ROOKERY_LOG_LEVEL: 'info',
    });
  });

  it('refuses an unknown ROOKERY_ name and suggests the nearest known one', () => {
    expect(problemsOf({ ROOKERY_NATS_ULR: 'x' })).toEqual([
      'ROOKERY_NATS_ULR is not a variable of Rookery: did you mean ROOKERY_NATS_URL?',
    ]);
    expect(problemsOf({ ROOKERY_QQQQQQQQQQQQQQQQQQQQ: 'x' })).toEqual([
      'ROOKERY_QQQQQQQQQQQQQQQQQQQQ is not a variable of Rookery',
    ]);
  });

  it('suggests a known name for any name with one letter missing', () => {
    const names = Object.keys(variables).filter((name) => name.startsWith('ROOKERY_'));
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.nat(), (name, seed) => {
        const at = 'ROOKERY_'.length + (seed % (name.length - 'ROOKERY_'.length));
        const typo = name.slice(0, at) + name.slice(at + 1);
        // ROOKERY_TOKENS_FILE without its S is another variable, not a mistake.
        fc.pre(!Object.hasOwn(variables, typo));
        const [problem] = problemsOf({ [typo]: 'x' });
        expect(problem).toMatch(/did you mean ROOKERY_[A-Z_]+\?$/);
      }),
    );
  });

  it('ignores names that are not its own, and the values of variables that only other services read', () => {
    expect(problemsOf({ PATH: '/bin', OTEL_SDK_DISABLED: 'true', ROOKERY_MAX_COLUMNS: 'many' })).toEqual([]);
  });

  it('lists all faults at once, each with name, value and what is allowed, and exits with 78', () => {
    const problems = problemsOf(
      {
        ROOKERY_INGEST_PORT: '70740',
        ROOKERY_MODE: 'prod',
        ROOKERY_PORT: '1',
        ROOKERY_NATS_URL: 'http://u:pw@x',
      },
      'ROOKERY_INGEST_PORT',
    );
    expect(problems).toHaveLength(4);
    expect(problems.join('\n')).toContain(
      'ROOKERY_INGEST_PORT is "70740", expected an integer from 0 to 65535',
    );
    expect(problems.join('\n')).toContain('ROOKERY_MODE is "prod", expected one of development, production');
    expect(problems.join('\n')).toContain('ROOKERY_NATS_URL is "http://***@x", expected a URL');
    expect(new ConfigError(problems).exitCode).toBe(78);
  });

  it('never shows the value of a secret', () => {
    const [problem] = problemsOf({ MONGODB_URL: 'postgres://app:hunter2@db/x' });
    expect(problem).toContain('MONGODB_URL is *** (not shown), expected a URL');
    expect(problem).not.toContain('hunter2');
  });

  it.each([
    ['ROOKERY_STOP_TIMEOUT_MS', '1e3'],
    ['ROOKERY_STOP_TIMEOUT_MS', '0x10'],
    ['ROOKERY_STOP_TIMEOUT_MS', '-1'],
    ['ROOKERY_STOP_TIMEOUT_MS', '1000.0'],
    ['ROOKERY_STOP_TIMEOUT_MS', 'NaN'],
    ['ROOKERY_DRIFT_SHARE', '1.01'],
    ['ROOKERY_DRIFT_SHARE', '.5'],
    ['ROOKERY_LOG_PRETTY', 'yes'],
    ['ROOKERY_FILE_ROOTS', 'data'],
    ['ROOKERY_ARTIFACTS_URL', 's3:/bucket'],
    ['ROOKERY_HOST', 'a b'],
    ['ROOKERY_STREAM_REPLICAS', '6'],
  ] as const)('refuses %s=%s', (name, value) => {
    expect(problemsOf({ [name]: value }, name)).toHaveLength(1);
  });
});

describe('portVariableOf', () => {
  it('finds the gRPC port of each service', () => {
    expect([portVariableOf('ingest'), portVariableOf('inference'), portVariableOf('nothing')]).toEqual([
      'ROOKERY_INGEST_PORT',
      'ROOKERY_INFERENCE_GRPC_PORT',
      undefined,
    ]);
  });
});

describe('docs/contracts/config.md', () => {
  it('is what the table of variables says', () => {
    const document = readFileSync(new URL('../../../docs/contracts/config.md', import.meta.url), 'utf8');
    expect(document).toBe(renderConfigTable());
  });
});
