import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { newUserKey } from '../src/access/index.js';
import { connectionSettings } from '../src/login.js';
import { connectBus } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-login-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const shown = (url: string, login = {}): object =>
  Object.assign({}, ...(connectionSettings(url, login).authenticator ?? []).map((one) => one('nonce')));

describe('a login', () => {
  it('takes user and password, or a token, from the URL, and never sends them as a host name', () => {
    expect(shown('nats://ingest:p%40ss:word@a:4222,nats://b')).toEqual({ user: 'ingest', pass: 'p@ss:word' });
    expect(shown('nats://t0ken@a:4222')).toEqual({ auth_token: 't0ken' });
    expect(shown('nats://u:p@a', { user: 'other', password: 'x' })).toEqual({ user: 'other', pass: 'x' });
    expect(connectionSettings('nats://u:p@a:4222, nats://b:1').servers).toEqual([
      'nats://a:4222',
      'nats://b:1',
    ]);
    expect(connectionSettings('nats://a').authenticator).toBeUndefined();
  });

  it('asks for TLS where the scheme or a certificate says so', () => {
    expect(connectionSettings('nats://a').tls).toBeUndefined();
    expect(connectionSettings('tls://a').tls).toEqual({});
    expect(connectionSettings('nats://a', { caFile: '/ca.pem' }).tls).toEqual({ caFile: '/ca.pem' });
  });

  it('reads its seed again at every connection, and keeps the last good one while the file is replaced', () => {
    const file = join(folder, 'user.nk');
    const [one, two] = [newUserKey(), newUserKey()];
    writeFileSync(file, `# ingest\n${one.seed}\n`);
    const [authenticator] = connectionSettings('nats://a', { nkeyFile: file }).authenticator ?? [];
    expect(authenticator?.('nonce')).toMatchObject({ nkey: one.publicKey });
    writeFileSync(file, 'SU');
    expect(authenticator?.('nonce')).toMatchObject({ nkey: one.publicKey });
    writeFileSync(file, two.seed);
    expect(authenticator?.('nonce')).toMatchObject({ nkey: two.publicKey });
  });

  it.each(['', 'SUNOSEED', 'no such file'])(
    'with a seed that is none (%j) is refused at once, naming the variable',
    (text) => {
      const file = join(folder, 'bad.nk');
      if (text === 'no such file') rmSync(file, { force: true });
      else writeFileSync(file, text);
      expect(() => connectionSettings('nats://a', { nkeyFile: file })).toThrow('ROOKERY_NATS_NKEY');
    },
  );

  it('is refused by a broker without TLS where an authority is given, before anything of it is sent', async () => {
    const server = await startNatsServer();
    const ca = join(folder, 'ca.pem');
    writeFileSync(ca, '');
    await expect(
      connectBus({
        url: server.url,
        name: 'ingest',
        login: { caFile: ca, token: 's3cret-token' },
        connectDeadlineMs: 1,
      }),
    ).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
    await server.stop();
  });

  it('works with user and password, and says who is refused without telling the password', async () => {
    const server = await startNatsServer({
      config: 'authorization { user: ingest, password: "right-password" }',
    });
    const url = (password: string): string => server.url.replace('//', `//ingest:${password}@`);
    const bus = await connectBus({ url: url('right-password'), name: 'ingest' });
    await bus.ensureTopology();
    await bus.close();
    const refused = connectBus({ url: url('wrong-password'), name: 'ingest' });
    await expect(refused).rejects.toMatchObject({ code: 'RK_BUS_UNAUTHORISED' });
    await refused.catch((error: unknown) => expect(String(error)).not.toContain('wrong-password'));
    await server.stop();
  });
});
