import { describe, expect, test } from 'vitest';

import { checkAddresses } from '../src/domain/fetch-policy.js';
import { networksOf } from '../src/domain/network-address.js';

describe('a redirect', () => {
  const policy = { hosts: undefined, networks: networksOf(['10.0.0.0/8', '127.0.0.0/8']) };

  test('from a public server does not lead to an allowed private one', () => {
    const from = checkAddresses('public.example', ['8.8.8.8'], policy, undefined);
    expect(from).toBe('public');
    expect(() => checkAddresses('10.0.0.7', ['10.0.0.7'], policy, from)).toThrow(
      expect.objectContaining({ code: 'RK_DATASET_URI_FORBIDDEN', details: expect.anything() as object }),
    );
  });

  test('between allowed private servers, and from one to the public, is followed', () => {
    const from = checkAddresses('10.0.0.7', ['10.0.0.7'], policy, undefined);
    expect(checkAddresses('127.0.0.1', ['127.0.0.1'], policy, from)).toBe('loopback');
    expect(checkAddresses('public.example', ['8.8.8.8'], policy, from)).toBe('public');
  });
});
