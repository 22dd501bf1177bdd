import { afterEach, expect, test, vi } from 'vitest';
import { connectBus } from '../src/index.js';
import type { Bus } from '../src/index.js';
import { createReconnectDelay } from '../src/reconnect-delay.js';
import { startNatsServer } from '../src/testing/index.js';
import type { NatsServer } from '../src/testing/index.js';
import { deferred, label, labelReceived, within } from './fixtures.js';

let server: NatsServer;
let bus: Bus;

async function start(publishDeadlineMs = 30_000): Promise<void> {
  server = await startNatsServer();
  bus = await connectBus({ url: server.url, name: 'tester', publishDeadlineMs });
  await bus.ensureTopology();
}

const hour = 3_600_000;

/** Steps the wall clock of this process, as an administrator or NTP does; timers go on. */
function stepWallClock(byMs: number): void {
  const real = Date.now.bind(Date);
  vi.spyOn(Date, 'now').mockImplementation(() => real() + byMs);
}

afterEach(async () => {
  vi.restoreAllMocks();
  await bus.close();
  await server.stop();
});

test.each([
  ['back', -hour],
  ['forward', hour],
])(
  'a clock set %s by an hour keeps nobody from reconnecting, publishing and consuming',
  async (_, stepMs) => {
    await start();
    const handled = deferred<string>();
    await bus.consume(labelReceived, {
      durable: 'clock',
      handler: (event) => Promise.resolve(handled.resolve(event.id)),
    });
    stepWallClock(stepMs);
    await server.kill();
    await server.restart();
    const published = bus.publish(labelReceived, 'k', label('p'), { id: 'after-the-step' });
    await within(published, 'publishing after the broker came back');
    expect(await within(handled.promise, 'the event is handled')).toBe('after-the-step');
  },
);

test('a clock set back does not prolong the deadline of a publish', async () => {
  await start(300);
  await server.kill();
  const refused = bus.publish(labelReceived, 'k', label('p'), { id: 'never-stored' });
  stepWallClock(-hour);
  await expect(within(refused, 'the publish ends')).rejects.toMatchObject({ code: 'RK_BUS_UNAVAILABLE' });
  await server.restart();
});

test('what the clock lost since the last attempt is taken off the delay, until the next attempt', () => {
  const now = { wall: 1_000_000, monotonic: 0 };
  const delay = createReconnectDelay({
    wall: () => now.wall,
    monotonic: () => now.monotonic,
    random: () => 0.5,
  });
  expect(delay.next()).toBe(175);
  now.monotonic += 500;
  now.wall += 500 - hour;
  expect(delay.next()).toBe(175 - hour);
  delay.dialled();
  expect(delay.next()).toBe(175);
  now.wall += hour;
  expect(delay.next()).toBe(175);
});
