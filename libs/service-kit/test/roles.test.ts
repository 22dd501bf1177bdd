import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { describe, expect, it } from 'vitest';

import { accessOf, methodAccess } from '../src/security/roles.js';

/** Paths of every method of every service in proto/. */
function methodsOfProto(): string[] {
  const descriptor = createRequire(import.meta.url).resolve('@rookery/proto/descriptor');
  const found = loadFileDescriptorSetFromBuffer(readFileSync(descriptor));
  return Object.values(found).flatMap((item) =>
    'format' in item ? [] : Object.values(item).map((method) => method.path),
  );
}

describe('the table of roles', () => {
  it('has a row for each method of each service definition, and no other', () => {
    const methods = methodsOfProto();
    expect(methods.length).toBeGreaterThan(20);
    const own = Object.keys(methodAccess).filter((path) => !path.startsWith('/grpc.'));
    expect(own.sort()).toEqual(methods.sort());
  });

  it('leaves nothing open but the health of a service', () => {
    const open = Object.keys(methodAccess).filter((path) => accessOf(path) === 'open');
    expect(open).toEqual(['/grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Watch']);
  });

  it('lets nobody but admins change which model serves', () => {
    for (const method of ['SetAlias', 'RollBack'])
      expect(accessOf(`/rookery.registry.v1.RegistryService/${method}`)).toEqual(['admin']);
  });
});
