import { Row } from '@rookery/proto/rookery/domain/v1/data';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { addressesFromEnvironment, rowFromProto, rowToProto } from '../src/index.js';

describe('a plain row', () => {
  it('comes back as it was, through the bytes of its message', () => {
    const value = fc.oneof(
      fc.double({ noDefaultInfinity: false }),
      fc.string({ unit: 'grapheme' }),
      fc.boolean(),
      fc.constant(null),
    );
    const name = fc.string({ minLength: 1 }).filter((text) => text !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, value, { noNullPrototype: true }), (row) => {
        const bytes = Row.encode(rowToProto(row)).finish();
        expect(rowFromProto(Row.decode(bytes))).toEqual(row);
      }),
    );
  });

  it('has a value without a kind where a cell is missing: the feature is there', () => {
    expect(rowToProto({ sex: null })).toEqual({ values: { sex: { kind: undefined } } });
    expect(rowFromProto(undefined)).toEqual({});
  });
});

describe('addresses', () => {
  it('are the ports that the services listen on by default', () => {
    expect(addressesFromEnvironment({})).toEqual({
      nats: 'nats://127.0.0.1:7422',
      ingest: '127.0.0.1:7074',
      registry: '127.0.0.1:7073',
      inference: '127.0.0.1:7071',
      monitor: '127.0.0.1:7075',
      transform: '127.0.0.1:7076',
      trainer: '127.0.0.1:7077',
      evaluator: '127.0.0.1:7078',
      console: '127.0.0.1:7070',
    });
  });

  it('follow the variables of the services; an empty one counts as not set', () => {
    const addresses = addressesFromEnvironment({
      ROOKERY_REGISTRY_PORT: '9000',
      ROOKERY_NATS_PORT: '9001',
      ROOKERY_MONITOR_PORT: '',
    });
    expect(addresses).toMatchObject({
      registry: '127.0.0.1:9000',
      nats: 'nats://127.0.0.1:9001',
      monitor: '127.0.0.1:7075',
    });
    expect(
      addressesFromEnvironment({ ROOKERY_NATS_URL: 'nats://broker:4222', ROOKERY_NATS_PORT: '9001' }).nats,
    ).toBe('nats://broker:4222');
  });

  it('of services that listen on every interface are those of this machine', () => {
    expect(addressesFromEnvironment({ ROOKERY_HOST: '0.0.0.0' }).ingest).toBe('127.0.0.1:7074');
    expect(addressesFromEnvironment({ ROOKERY_HOST: 'ml.example' }).ingest).toBe('ml.example:7074');
  });
});
