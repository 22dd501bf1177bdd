import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startProxy } from './tcp-proxy.js';
import type { TcpProxy } from './tcp-proxy.js';

let echo: Server;
let proxy: TcpProxy;

beforeAll(async () => {
  echo = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => {
    echo.listen(0, '127.0.0.1', resolve);
  });
  const address = echo.address();
  proxy = await startProxy(typeof address === 'object' && address ? address.port : 0);
});

afterAll(async () => {
  await proxy.close();
  await new Promise((resolve) => echo.close(resolve));
});

function dial(): Socket {
  return connect({ host: '127.0.0.1', port: proxy.port }).on('error', () => undefined);
}

/** Resolves with what came back when it is as long as what was sent. */
function echoed(socket: Socket, parts: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (text.length === parts.join('').length) resolve(text);
    });
    for (const part of parts) socket.write(part);
  });
}

describe('the proxy', () => {
  it('hands everything on in order, while it is slow and when it is fast again', async () => {
    const socket = dial();
    const parts = Array.from({ length: 200 }, (_, k) => `part ${k};`);
    proxy.delay(30);
    const answer = echoed(socket, parts);
    setTimeout(() => {
      proxy.heal();
    }, 10);
    expect(await answer).toBe(parts.join(''));
    socket.destroy();
  });

  it('breaks the connections that it has, lets none in until it is healed, and works again then', async () => {
    const socket = dial();
    expect(await echoed(socket, ['hello'])).toBe('hello');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    proxy.cut();
    await closed;
    const refused = dial();
    await new Promise((resolve) => refused.once('close', resolve));
    proxy.heal();
    const again = dial();
    expect(await echoed(again, ['again'])).toBe('again');
    again.destroy();
  });
});
