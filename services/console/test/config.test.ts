import { loadConfig } from '@rookery/service-kit';
import { describe, expect, it } from 'vitest';

import { addressesOf, allowedHostsOf, config } from '../src/config.js';

describe('the configuration of the console', () => {
  it('finds the other services where their own variables put them', () => {
    const addresses = addressesOf(
      loadConfig(config, { ROOKERY_HOST: '0.0.0.0', ROOKERY_REGISTRY_PORT: '9003' }),
    );
    expect(addresses).toMatchObject({
      registry: '127.0.0.1:9003',
      ingest: '127.0.0.1:7074',
      inference: '127.0.0.1:7071',
    });
  });

  it('is called by its host and by the names that are listed', () => {
    const values = loadConfig(config, {
      ROOKERY_HOST: '10.0.0.5',
      ROOKERY_CONSOLE_HOSTS: 'console.example,ml.example:8080',
    });
    expect(allowedHostsOf(values)).toEqual(['10.0.0.5', 'console.example', 'ml.example:8080']);
  });

  it.each([
    ['ROOKERY_JAEGER_URL', 'javascript:alert(1)'],
    ['ROOKERY_CONSOLE_HOSTS', 'a b'],
  ])('refuses a bad %s', (name, value) => {
    expect(() => loadConfig(config, { [name]: value })).toThrow(name);
  });
});
