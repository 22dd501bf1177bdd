import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createFrameReader } from './nats-frames.js';
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

describe('the frames of a connection', () => {
  it('are whole, however the bytes are cut', () => {
    const frames = [
      'INFO {"a":1}\r\n',
      'PUB a.b 5\r\nx\r\ny!\r\n',
      'PUB a.b _INBOX.1 0\r\n\r\n',
      'HMSG a 9 r.1 3 4\r\nabcd\r\n',
      '-ERR\r\n',
    ];
    const bytes = Buffer.from(frames.join(''));
    for (let size = 1; size <= bytes.length; size += 1) {
      const read = createFrameReader();
      const found = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...read(bytes.subarray(at, at + size)));
      expect(found.map((frame) => frame.bytes.toString())).toEqual(frames);
      expect(found.map(({ subject, reply }) => [subject, reply])).toEqual([
        ['', ''],
        ['a.b', ''],
        ['a.b', '_INBOX.1'],
        ['a', 'r.1'],
        ['', ''],
      ]);
    }
  });
});

describe('the proxy', () => {
  it('hands everything on in order, while it is slow and when it is fast again', async () => {
    const socket = dial();
    const parts = Array.from({ length: 200 }, (_, k) => `PUB part.${k} 2\r\n${k % 10};\r\n`);
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
    expect(await echoed(socket, ['PING\r\n'])).toBe('PING\r\n');
    const closed = new Promise((resolve) => socket.once('close', resolve));
    proxy.cut();
    await closed;
    const refused = dial();
    await new Promise((resolve) => refused.once('close', resolve));
    proxy.heal();
    const again = dial();
    expect(await echoed(again, ['PONG\r\n'])).toBe('PONG\r\n');
    again.destroy();
  });

  it('swallows acknowledgements of deliveries and of publishes, and nothing else', async () => {
    const socket = dial();
    const ack = 'PUB $JS.ACK.S.c.1.1.1.1.0 4\r\n+ACK\r\n';
    const stored = 'MSG _INBOX.a.1 7 24\r\n{"stream":"S", "seq": 1}\r\n';
    const others = ['PUB ml.x 2\r\nhi\r\n', 'MSG _INBOX.a.2 7 2\r\nhi\r\n', 'PING\r\n'];
    const before = proxy.counts().acksLost;
    proxy.loseAcks(1, Math.random);
    socket.write(ack + stored);
    expect(await echoed(socket, others)).toBe(others.join(''));
    expect(proxy.counts().acksLost).toBe(before + 2);
    proxy.heal();
    expect(await echoed(socket, [ack])).toBe(ack);
    socket.destroy();
  });

  it('lets deliveries overtake each other, and loses none', async () => {
    const socket = dial();
    const delivery = (k: number): string => `MSG ml.x 1 $JS.ACK.S.c.1.${k}.${k}.1.0 1\r\n${k}\r\n`;
    const parts = [1, 2, 3].map(delivery);
    const delays = [0.9, 0.5, 0];
    proxy.reorder(200, () => delays.shift() ?? 0);
    const answer = echoed(socket, parts);
    expect(await answer).toBe([3, 2, 1].map(delivery).join(''));
    proxy.heal();
    socket.destroy();
  });
});
