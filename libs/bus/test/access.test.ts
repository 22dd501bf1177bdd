import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { events } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

import {
  busUserList,
  busUsers,
  newUserKey,
  permissionsOf,
  publicKeyOf,
  renderNatsUsers,
} from '../src/access/index.js';
import type { BusUser } from '../src/access/index.js';

const services = fileURLToPath(new URL('../../../services', import.meta.url));

/** Names of durables in the sources of a service. */
function durablesIn(service: string): string[] {
  const folder = join(services, service, 'src');
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(join(folder, file), 'utf8').matchAll(/durable: '([\w-]+)'/g)])
    .map(([, durable = '']) => durable);
}

describe('the table of users of the broker', () => {
  it('knows every service and each of its durable consumers', () => {
    for (const service of readdirSync(services)) {
      expect(Object.keys(busUsers)).toContain(service);
      const user: BusUser = busUsers[service as keyof typeof busUsers];
      expect((user.consumes ?? []).map(({ durable }) => durable).sort(), service).toEqual(
        durablesIn(service).sort(),
      );
    }
  });

  it('lets the registry alone say which model is promoted, and create streams', () => {
    for (const [name] of busUserList) {
      const { publish } = permissionsOf(name);
      const mayPromote = publish.includes(events.modelPromoted.filter) || publish.includes('ml.>');
      expect(mayPromote, name).toBe(name === 'registry' || name === 'operator');
      expect(
        publish.some((subject) => subject.includes('STREAM.CREATE')),
        name,
      ).toBe(name === 'registry');
    }
  });

  it('gives nobody the whole of a tree that belongs to the broker, nor a way to lose what is stored', () => {
    for (const [name] of busUserList) {
      const { publish, subscribe } = permissionsOf(name);
      for (const subject of [...publish, ...subscribe]) {
        expect(['>', '$JS.>', '$JS.API.>', '$O.>', '_INBOX.>'], name).not.toContain(subject);
        expect(subject, name).not.toMatch(/STREAM\.(PURGE|DELETE)/);
      }
      expect(subscribe.filter((subject) => subject.startsWith('_INBOX'))).toEqual([`_INBOX.${name}.>`]);
    }
  });

  it('becomes a configuration with two keys of a user side by side, and takes nothing for a key that is none', () => {
    const [one, two] = [newUserKey(), newUserKey()];
    expect(publicKeyOf(one.seed)).toBe(one.publicKey);
    const text = renderNatsUsers({ ingest: [one.publicKey, two.publicKey] });
    for (const { publicKey, seed } of [one, two]) {
      expect(text).toContain(`nkey: ${publicKey},`);
      expect(text).not.toContain(seed);
    }
    expect(() => renderNatsUsers({ ingest: [one.seed] })).toThrow('not the public key');
  });
});
