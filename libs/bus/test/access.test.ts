import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { events } from '@rookery/contracts';
import type { EventName, EventType } from '@rookery/contracts';
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
import { connectBus } from '../src/index.js';
import type { Bus } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';
import { within } from './fixtures.js';

const eventOf = (name: EventName): EventType<unknown> => events[name];

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

  it('lets each user read, look up and ask about what its row says', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-access-'));
    const keys = new Map(busUserList.map(([name]) => [name, newUserKey()]));
    const server = await startNatsServer({
      config: renderNatsUsers(
        Object.fromEntries([...keys].map(([name, { publicKey }]) => [name, [publicKey]])),
      ),
    });
    try {
      const connectAs = async (name: string): Promise<Bus> => {
        const nkeyFile = join(folder, `${name}.nk`);
        writeFileSync(nkeyFile, keys.get(name as never)?.seed ?? '', { mode: 0o600 });
        return connectBus({ url: server.url, name, login: { nkeyFile } });
      };
      const registry = await connectAs('registry');
      await registry.ensureTopology();
      await registry.close();
      for (const [name, row] of busUserList) {
        const user: BusUser = row;
        const bus = await connectAs(name);
        for (const event of user.reads ?? []) {
          const replay = await bus.replay(eventOf(event), {
            key: 'k',
            untilCaughtUp: true,
            onEvent: () => undefined,
          });
          await within(replay.done, `${name} reads ${event}`);
        }
        for (const event of user.looksUp ?? [])
          expect(await bus.lastOf(eventOf(event), 'k'), `${name}: ${event}`).toBe(undefined);
        for (const { event, durable } of user.asksAbout ?? [])
          expect(await bus.inHand(eventOf(event), 'k', durable), `${name}: ${durable}`).toBe(false);
        await bus.close();
      }
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
