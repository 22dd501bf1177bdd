import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { addressKind, embeddedIpv4, networksOf } from '../src/domain/network-address.js';

describe('an address', () => {
  test.each([
    ['8.8.8.8', 'public'],
    ['2606:4700:4700::1111', 'public'],
    ['127.0.0.1', 'loopback'],
    ['127.255.255.254', 'loopback'],
    ['::1', 'loopback'],
    ['0.0.0.0', 'reserved'],
    ['::', 'reserved'],
    ['10.255.0.1', 'private'],
    ['172.16.0.1', 'private'],
    ['172.31.255.255', 'private'],
    ['172.32.0.1', 'public'],
    ['192.168.1.1', 'private'],
    ['100.64.0.1', 'private'],
    ['fd12:3456::1', 'private'],
    ['169.254.169.254', 'link-local'],
    ['fe80::1', 'link-local'],
    ['224.0.0.1', 'reserved'],
    ['255.255.255.255', 'reserved'],
    ['ff02::1', 'reserved'],
    ['2001:db8::1', 'reserved'],
    ['::ffff:127.0.0.1', 'loopback'],
    ['::ffff:7f00:1', 'loopback'],
    ['::ffff:0:10.0.0.1', 'private'],
    ['::127.0.0.1', 'loopback'],
    ['::ffff:169.254.169.254', 'link-local'],
    ['64:ff9b::a9fe:a9fe', 'link-local'],
    ['2002:7f00:1::1', 'loopback'],
    ['2001:0:4136:e378:8000:63bf:80ff:fffe', 'loopback'],
    ['::ffff:8.8.8.8', 'public'],
    ['nonsense', 'reserved'],
    ['', 'reserved'],
  ])('%s is %s', (address, kind) => {
    expect(addressKind(address)).toBe(kind);
  });

  test('within an IPv6 one counts as itself, whatever the IPv4 address', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        fc.pre(address !== '0.0.0.0' && address !== '0.0.0.1');
        for (const prefix of ['::ffff:', '64:ff9b::', '::ffff:0:', '::'])
          expect(embeddedIpv4(prefix + address)).toBe(address);
        expect(addressKind(`::ffff:${address}`)).toBe(addressKind(address));
      }),
    );
  });
});

test('networks hold their addresses, and nothing else is one', () => {
  const networks = networksOf(['10.1.0.0/16', 'fd00::/8', '192.0.2.7']);
  expect(['10.1.255.1', 'fd00::7', '192.0.2.7'].every((address) => networks.has(address))).toBe(true);
  expect(['10.2.0.1', 'fe00::7', '192.0.2.8'].some((address) => networks.has(address))).toBe(false);
  expect(() => networksOf(['localhost'])).toThrow(RangeError);
});
