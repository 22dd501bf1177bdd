import { describe, expect, it } from 'vitest';

import { loadConfig } from '../src/index.js';
import { judgeExposure } from '../src/security/exposure.js';
import type { Exposure } from '../src/security/exposure.js';

const judge = (env: Record<string, string>, listens = true): Exposure =>
  judgeExposure(loadConfig([], env), listens);

const tls = { ROOKERY_TLS_CERT: '/c.pem', ROOKERY_TLS_KEY: '/k.pem' };
const mutual = { ...tls, ROOKERY_TLS_CA: '/ca.pem', ROOKERY_TLS_CLIENT_AUTH: 'require' };
const tokens = { ROOKERY_TOKENS_FILE: '/tokens.json' };

describe('what a configuration would expose', () => {
  it.each(['127.0.0.1', '127.8.9.1', 'localhost', '::1', '[::1]'])(
    'is nothing on %s, where no security is asked for',
    (host) => {
      expect(judge({ ROOKERY_HOST: host })).toEqual({ refusals: [], warnings: [] });
    },
  );

  it.each(['0.0.0.0', '::', '10.0.0.7', 'node-1.example', '127.0.0.1.evil.example'])(
    'is refused on %s without TLS and without callers that are known, each with its variable',
    (host) => {
      const { refusals } = judge({ ROOKERY_HOST: host });
      expect(refusals).toHaveLength(2);
      expect(refusals[0]).toContain('ROOKERY_TLS_CERT and ROOKERY_TLS_KEY');
      expect(refusals[1]).toContain('ROOKERY_TOKENS_FILE');
      for (const refusal of refusals) expect(refusal).toContain(`ROOKERY_HOST is ${host}`);
    },
  );

  it.each([
    ['TLS and tokens', { ...tls, ...tokens }],
    ['mutual TLS', mutual],
    ['mutual TLS and tokens', { ...mutual, ...tokens }],
  ])('is allowed anywhere with %s', (_, env) => {
    expect(judge({ ROOKERY_HOST: '0.0.0.0', ...env })).toEqual({ refusals: [], warnings: [] });
  });

  it.each([
    ['TLS alone', tls, 'anybody may call'],
    ['tokens alone, which would go in the clear', tokens, 'without TLS'],
  ])('is refused with %s', (_, env, why) => {
    const { refusals } = judge({ ROOKERY_HOST: '0.0.0.0', ...env });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toContain(why);
  });

  it('is a warning for each where the operator vouches for the network', () => {
    const { refusals, warnings } = judge({ ROOKERY_HOST: '0.0.0.0', ROOKERY_ALLOW_INSECURE_NETWORK: 'true' });
    expect(refusals).toEqual([]);
    expect(warnings).toHaveLength(2);
  });

  it('asks nothing of a service that has no port', () => {
    expect(judge({ ROOKERY_HOST: '0.0.0.0' }, false)).toEqual({ refusals: [], warnings: [] });
  });

  it.each([
    'nats://broker:4222',
    'nats://127.0.0.1:4222,nats://10.1.2.3:4222',
    'tls://[2001:db8::1]:4222',
    'nats://127.0.0.1.evil.example',
  ])('is refused for a broker on another machine without credentials: %s', (url) => {
    const { refusals } = judge({ ROOKERY_NATS_URL: url });
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toContain('ROOKERY_NATS_NKEY');
  });

  it.each([
    { ROOKERY_NATS_URL: 'nats://user:password@broker:4222' },
    { ROOKERY_NATS_URL: 'nats://broker', ROOKERY_NATS_NKEY: '/n.nk' },
    { ROOKERY_NATS_URL: 'nats://broker', ROOKERY_NATS_CREDS: '/n.creds' },
    { ROOKERY_NATS_URL: 'nats://broker', ROOKERY_NATS_USER: 'ingest', ROOKERY_NATS_PASSWORD: 'x' },
    { ROOKERY_NATS_URL: 'nats://broker', ROOKERY_NATS_TOKEN: 'x' },
    { ROOKERY_NATS_URL: 'nats://[::1]:4222,nats://localhost' },
  ])('allows a broker that is logged in to, or that is here: %o', (env) => {
    expect(judge(env as Record<string, string>).refusals).toEqual([]);
  });

  it.each([
    ['a certificate without its key', { ROOKERY_TLS_CERT: '/c.pem' }, 'belong together'],
    [
      'client certificates without TLS',
      { ROOKERY_TLS_CLIENT_AUTH: 'require', ROOKERY_TLS_CA: '/a' },
      'needs ROOKERY_TLS_CERT',
    ],
    [
      'client certificates without an authority',
      { ...tls, ROOKERY_TLS_CLIENT_AUTH: 'require' },
      'needs ROOKERY_TLS_CA',
    ],
    [
      'client certificates of any public authority',
      { ...tls, ROOKERY_TLS_CLIENT_AUTH: 'require', ROOKERY_TLS_CA: 'system' },
      'anybody with a public certificate',
    ],
  ])('contradicts itself with %s, which nothing makes right', (_, env, why) => {
    const { refusals } = judge({ ...env, ROOKERY_ALLOW_INSECURE_NETWORK: 'true' });
    expect(refusals.join(' ')).toContain(why);
  });
});
