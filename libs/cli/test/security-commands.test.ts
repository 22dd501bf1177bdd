import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { startNatsServer } from '@rookery/bus/testing';
import { events } from '@rookery/contracts';
import { digestOfToken, parseTokenFile } from '@rookery/service-kit/tokens';
import type { Command } from 'commander';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';

import { certsCommand } from '../src/commands/certs.js';
import { natsCommand } from '../src/commands/nats.js';
import { tokensCommand } from '../src/commands/tokens.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-cli-security-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

/** Runs a command; what it wrote to standard output. */
async function run(command: Command, ...args: string[]): Promise<string> {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
  await command.parseAsync(args, { from: 'user' });
  return lines.join('\n');
}

describe('rookery tokens', () => {
  const file = join(folder, 'tokens.json');

  it('prints a token once and keeps its hash alone, in a file that only its owner reads', async () => {
    const token = await run(
      tokensCommand(),
      'create',
      '--name',
      'app',
      '--roles',
      'predict,read',
      '--file',
      file,
    );
    expect(token).toMatch(/^rk_[\w-]{43}$/);
    const text = readFileSync(file, 'utf8');
    expect(text).not.toContain(token);
    expect(parseTokenFile(text).tokens).toEqual([
      { name: 'app', sha256: digestOfToken(token).toString('hex'), roles: ['predict', 'read'] },
    ]);
    expect(statSync(file).mode & 0o077).toBe(0);
  });

  it('lists them, revokes one, and leaves the others', async () => {
    await run(tokensCommand(), 'create', '--name', 'ops', '--roles', 'admin', '--file', file);
    const list = JSON.parse(await run(tokensCommand(), 'list', '--json', '--file', file)) as {
      name: string;
    }[];
    expect(list.map(({ name }) => name)).toEqual(['app', 'ops']);
    await run(tokensCommand(), 'revoke', 'app', '--file', file);
    expect(parseTokenFile(readFileSync(file, 'utf8')).tokens.map(({ name }) => name)).toEqual(['ops']);
  });

  it.each([
    [['create', '--name', 'x', '--roles', 'root'], 'is one of predict'],
    [['create', '--name', 'ops', '--roles', 'read'], 'has a token of ops already'],
    [['create', '--name', 'x', '--roles', 'read', '--expires', 'tomorrow'], 'ISO 8601'],
    [['revoke', 'nobody'], 'no token of nobody'],
  ])('%o is refused, and changes nothing', async (args, why) => {
    const before = readFileSync(file, 'utf8');
    await expect(run(tokensCommand(), ...args, '--file', file)).rejects.toThrow(why);
    expect(readFileSync(file, 'utf8')).toBe(before);
  });
});

describe('rookery certs', () => {
  it('makes a certificate for each name, all of one authority, now and at a renewal', async () => {
    const out = join(folder, 'certs');
    await run(
      certsCommand(),
      'registry',
      'monitor',
      '--out',
      out,
      '--hosts',
      'localhost,10.0.0.9',
      '--days',
      '30',
    );
    const read = (name: string): X509Certificate =>
      new X509Certificate(readFileSync(join(out, `${name}.pem`)));
    const [authority, before] = [read('ca'), read('registry')];
    await run(certsCommand(), 'registry', '--out', out);
    expect(read('ca').raw).toEqual(authority.raw);
    for (const certificate of [before, read('registry'), read('monitor')])
      expect(certificate.verify(authority.publicKey)).toBe(true);
    expect(before.checkIP('10.0.0.9')).toBe('10.0.0.9');
    expect(before.checkHost('registry')).toBe('registry');
    expect(read('registry').serialNumber).not.toBe(before.serialNumber);
    expect(statSync(join(out, 'registry.key')).mode & 0o077).toBe(0);
  });
});

describe('rookery nats users', () => {
  it('changes the key of a user under running publishes without losing one', async () => {
    const out = join(folder, 'users');
    await run(natsCommand(), 'users', '--out', out);
    const server = await startNatsServer({ dir: out, config: 'include users.conf' });
    const buses: Bus[] = [];
    const connect = async (name: string): Promise<Bus> => {
      const bus = await connectBus({ url: server.url, name, login: { nkeyFile: join(out, `${name}.nk`) } });
      buses.push(bus);
      return bus;
    };
    try {
      await (await connect('registry')).ensureTopology();
      const bus = await connect('client');
      let sent = 0;
      let going = true;
      const failures: unknown[] = [];
      const traffic = (async () => {
        while (going) {
          const label = { model: 'm', predictionId: `p${sent}`, label: 'a' };
          await bus
            .publish(events.labelReceived, 'm', events.labelReceived.message.fromPartial(label), {
              id: `l${sent}`,
            })
            .catch((error: unknown) => failures.push(error));
          sent += 1;
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const more = async (): Promise<void> => {
        const until = sent + 50;
        await vi.waitFor(() => expect(sent).toBeGreaterThan(until), { timeout: 20_000 });
      };
      await more();
      const old = readFileSync(join(out, 'client.nk'), 'utf8');
      expect(await run(natsCommand(), 'users', '--out', out, '--rotate', 'client')).toContain(
        'Two keys are valid for client',
      );
      expect(readFileSync(join(out, 'client.nk'), 'utf8')).not.toBe(old);
      server.signal('SIGHUP');
      await more();
      let reconnected = false;
      void (async () => {
        for await (const status of bus.nc.status()) reconnected ||= status.type === 'reconnect';
      })();
      await run(natsCommand(), 'users', '--out', out, '--retire', 'client');
      server.signal('SIGHUP');
      await vi.waitFor(() => expect(reconnected).toBe(true), { timeout: 20_000 });
      await more();
      going = false;
      await traffic;
      expect(failures).toEqual([]);
      const { state } = await bus.jsm.streams.info('ML_EVENTS');
      expect(state.messages).toBe(sent);
      // The key of before opens nothing any more.
      writeFileSync(join(out, 'old.nk'), old);
      await expect(
        connectBus({ url: server.url, name: 'client', login: { nkeyFile: join(out, 'old.nk') } }),
      ).rejects.toMatchObject({ code: 'RK_BUS_UNAUTHORISED' });
    } finally {
      await Promise.all(buses.map((bus) => bus.close()));
      await server.stop();
    }
  }, 60_000);

  it('refuses a user that does not exist', async () => {
    await expect(run(natsCommand(), 'users', '--out', folder, '--rotate', 'nobody')).rejects.toThrow(
      'no user nobody',
    );
  });
});
