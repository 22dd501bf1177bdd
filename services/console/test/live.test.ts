import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';

import { eventMeta, startTestConsole } from './start-console.js';
import type { Json, TestConsole } from './start-console.js';

const open: TestConsole[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(open.splice(0).map((one) => one.stop()));
});
const start = async (options: Parameters<typeof startTestConsole>[0] = {}): Promise<TestConsole> => {
  const one = await startTestConsole(options);
  open.push(one);
  return one;
};

/** A live stream as a browser holds it; `until` resolves when the text received so far satisfies a condition. */
function stream(
  port: number,
  path = '/api/v1/stream',
  headers = '',
): { socket: Socket; until(test: (text: string) => boolean): Promise<string>; ended: Promise<void> } {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  let text = '';
  const checks = new Set<() => void>();
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (const check of checks) check();
  });
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`);
  return {
    socket,
    until: (test) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!test(text)) return;
          checks.delete(check);
          resolve(text);
        };
        checks.add(check);
        check();
      }),
    ended: new Promise((resolve) => socket.once('end', resolve)),
  };
}

const progress = (runId: string, epoch: number): Json => ({
  runId,
  fold: 0,
  final: false,
  epoch,
  epochs: 9,
  loss: 0.5,
  metricName: 'accuracy',
  metric: 0.9,
});

describe('the live stream', () => {
  it('tells every event to every page, without its payload', async () => {
    const one = await start();
    const pages = [stream(one.port), stream(one.port)];
    await Promise.all(pages.map((page) => page.until((text) => text.includes('event: hello'))));
    one.hub.event(eventMeta('ml.run.started', 'run-1'));
    for (const page of pages) {
      const text = await page.until((all) => all.includes('event: event'));
      expect(text).toContain('"type":"ml.run.started"');
      expect(text).toContain(`"traceId":"${'d'.repeat(32)}"`);
    }
  });

  it('tells the epochs of the run that a page watches, and of other runs only how far they are', async () => {
    const one = await start();
    const page = stream(one.port, '/api/v1/stream?run=run-1');
    await page.until((text) => text.includes('event: hello'));
    one.hub.progress(progress('run-2', 1));
    one.hub.progress(progress('run-1', 1));
    one.hub.progress(progress('run-1', 2));
    const text = await page.until((all) => all.includes('event: shares'));
    const points = JSON.parse(/event: progress\ndata: (.*)/.exec(text)?.[1] ?? '[]') as Json[];
    expect(points.map((point) => [point.runId, point.epoch])).toEqual([
      ['run-1', 1],
      ['run-1', 2],
    ]);
    expect(text).toContain('{"runId":"run-2","epochsDone":1,"epochs":9}');
  });

  it('brings a page that comes back what it missed', async () => {
    const one = await start();
    const page = stream(one.port);
    await page.until((text) => text.includes('event: hello'));
    one.hub.event(eventMeta('ml.run.started', 'first'));
    const id = /id: (\S+)/.exec(await page.until((text) => text.includes('id: ')))?.[1];
    page.socket.destroy();
    one.hub.event(eventMeta('ml.run.started', 'second'));
    const again = stream(one.port, '/api/v1/stream', `Last-Event-ID: ${id}\r\n`);
    const text = await again.until((all) => all.includes('"key":"second"'));
    expect(text).not.toContain('"key":"first"');
    expect(text).not.toContain('event: gap');
  });

  it('tells a page that comes back to another life of the server to read everything again', async () => {
    const one = await start();
    const page = stream(one.port, '/api/v1/stream', 'Last-Event-ID: otherlife-7\r\n');
    expect(await page.until((text) => text.includes('event: gap'))).toContain('event: hello');
  });

  it('drops messages for a page that does not read, in bounded memory, and tells it so when it reads again', async () => {
    const one = await start({ streams: { maxBufferedBytes: 4_096 } });
    const slow = stream(one.port);
    await slow.until((text) => text.includes('event: hello'));
    slow.socket.pause();
    const big = 'k'.repeat(60);
    // Far more than the sockets of both sides hold.
    for (let n = 0; n < 60_000; n++) one.hub.event(eventMeta('ml.run.started', big, n));
    slow.socket.resume();
    const text = await slow.until((all) => all.includes('event: gap'));
    expect(text.split('event: event').length).toBeLessThan(60_000);
  });

  it('sends a heartbeat', async () => {
    const one = await start({ streams: { heartbeatMs: 20 } });
    await stream(one.port).until((text) => text.split(': still here').length > 2);
  });

  it('takes a bounded number of pages', async () => {
    const one = await start({ streams: { maxClients: 1 } });
    await stream(one.port).until((text) => text.includes('event: hello'));
    expect(await one.call('/api/v1/stream')).toMatchObject({ status: 429, json: { code: 'RK_OVERLOADED' } });
  });

  it('forgets a page that went away', async () => {
    const one = await start({ streams: { heartbeatMs: 10 } });
    const page = stream(one.port);
    await page.until((text) => text.includes('event: hello'));
    expect(one.streams.clients()).toBe(1);
    page.socket.destroy();
    await expect.poll(() => one.streams.clients()).toBe(0);
  });

  it('ends cleanly when the console stops', async () => {
    const one = await start();
    const page = stream(one.port);
    await page.until((text) => text.includes('event: hello'));
    open.pop();
    await one.stop();
    await page.ended;
    expect(one.streams.clients()).toBe(0);
  });
});
