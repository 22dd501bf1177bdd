import { events } from '@rookery/contracts';
import { RunCancelled } from '@rookery/proto/rookery/events/v1/run';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { connectBus } from '../src/index.js';
import type { Bus } from '../src/index.js';
import { startNatsServer } from '../src/testing/index.js';
import type { NatsServer } from '../src/testing/index.js';

let server: NatsServer;
let bus: Bus;
beforeAll(async () => {
  server = await startNatsServer();
  bus = await connectBus({ url: server.url, name: 'test' });
  await bus.ensureTopology();
});
afterAll(async () => {
  await bus.close();
  await server.stop();
});

const publish = (key: string, actor: string): Promise<unknown> =>
  bus.publish(events.runCancelled, key, RunCancelled.fromPartial({ runId: key, actor }), {
    id: `${key}-${actor}`,
  });

describe('the last event of a key', () => {
  it('is that of this key alone, the newest one, with its id', async () => {
    expect(await bus.lastOf(events.runCancelled, 'one')).toBeUndefined();
    // Terminal: an outage would be waited for, and this would never end.
    for (const key of ['', 'a.b', '*'])
      await expect(bus.lastOf(events.runCancelled, key)).rejects.toMatchObject({
        name: 'TerminalError',
        code: 'RK_KEY_INVALID',
      });
    await publish('one', 'first');
    await publish('one', 'second');
    await publish('other', 'third');
    const last = await bus.lastOf(events.runCancelled, 'one');
    expect(last).toMatchObject({ id: 'one-second', key: 'one', data: { runId: 'one', actor: 'second' } });
  });

  it('is refused for what can be no key: waiting for the broker would not mend it', async () => {
    await expect(bus.lastOf(events.runCancelled, '')).rejects.toMatchObject({ code: 'RK_KEY_INVALID' });
    await expect(bus.inHand(events.runCancelled, 'a.b', 'x')).rejects.toMatchObject({
      code: 'RK_KEY_INVALID',
    });
  });

  it('is none where it can not be decoded', async () => {
    await bus.js.publish(events.runCancelled.subject('broken'), 'no JSON');
    expect(await bus.lastOf(events.runCancelled, 'broken')).toBeUndefined();
  });
});

describe('an event in the hand of a consumer', () => {
  it('is one that waits or is being handled, and none that is done, or gone from its stream', async () => {
    const inHand = (): Promise<boolean> => bus.inHand(events.runCancelled, 'held', 'holder');
    expect(await inHand()).toBe(false);
    await publish('held', 'somebody');
    expect(await inHand()).toBe(true);
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let begun = (): void => undefined;
    const started = new Promise<void>((resolve) => (begun = resolve));
    const consumption = await bus.consume(events.runCancelled, {
      durable: 'holder',
      handler: async ({ key }) => {
        if (key !== 'held') return;
        begun();
        await held;
      },
    });
    await started;
    expect(await inHand()).toBe(true);
    release();
    await expect.poll(inHand).toBe(false);
    await consumption.stop();
    await publish('held', 'another');
    expect(await inHand()).toBe(true);
    const { seq = 0 } =
      (await bus.jsm.streams.getMessage('ML_EVENTS', {
        last_by_subj: events.runCancelled.subject('held'),
      })) ?? {};
    await bus.jsm.streams.deleteMessage('ML_EVENTS', seq);
    expect(await inHand()).toBe(false);
  });
});
