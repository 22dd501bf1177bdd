import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import type { Bus, BusEvent } from '@rookery/bus';
import { datasetIdOf, events, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { callUnary } from '@rookery/service-kit';
import { afterEach, describe, expect, test } from 'vitest';

import { readyOf } from './fixtures.js';
import { dataFolder, startHarness } from './harness.js';
import type { Harness } from './harness.js';

const penguins = pathToFileURL(join(dataFolder, 'penguins.csv')).href;
let harness: Harness | undefined;
afterEach(async () => {
  await harness?.stop();
  harness = undefined;
});

/** An ingest that can save nothing while `broken` is above 0: neither what it took in nor that it turned it down. */
async function start(state: { broken: number }): Promise<Harness> {
  harness = await startHarness({
    outbox: (real) => ({
      ...real,
      entry: (...args) => {
        if (state.broken > 0) {
          state.broken -= 1;
          throw new TerminalError('RK_INTERNAL', 'nothing can be saved');
        }
        return real.entry(...args);
      },
    }),
  });
  return harness;
}

/** What breaks one delivery: taking in, then turning down. The dead letter after it is recorded. */
const oneDelivery = 2;

async function all<T>(bus: Bus, event: EventType<T>): Promise<BusEvent<T>[]> {
  const found: BusEvent<T>[] = [];
  const replay = await bus.replay(event, { onEvent: (item) => void found.push(item) });
  await replay.done;
  return found;
}

async function publish(bus: Bus): Promise<void> {
  const request = readyOf({ name: 'given_up', uri: penguins, target: 'species' });
  await bus.publish(events.datasetReady, '', request, { id: 'e1' });
}

/** The one dead letter, as soon as it is there and what it tells is recorded. */
async function letter({ bus, idle }: Harness, count: number): Promise<number> {
  await expect.poll(() => all(bus, events.datasetRejected).then(({ length }) => length)).toBe(count);
  await idle();
  const { letters } = await bus.deadLetters.list();
  expect(letters).toHaveLength(1);
  return letters[0]?.id ?? 0;
}

async function recordOf({ client }: Harness): Promise<unknown> {
  const { dataset } = await callUnary(client, 'getDataset', {
    datasetId: datasetIdOf('e1'),
    name: '',
    version: 0,
  });
  return dataset;
}

describe('a request that was given up', () => {
  test('and is sent again from the dead letters is taken in, once, and its record says so', async () => {
    const world = await start({ broken: oneDelivery });
    const { bus } = world;
    await publish(bus);
    const id = await letter(world, 1);
    expect(await recordOf(world)).toMatchObject({ state: 'rejected', code: 'RK_INTERNAL' });
    const redriven = await bus.deadLetters.redrive(id);
    expect(redriven.eventId).toBe('e1');
    await expect.poll(() => all(bus, events.datasetIngested).then(({ length }) => length)).toBe(1);
    await world.deliverAllAgain();
    await world.idle();
    const [ingested, ...more] = await all(bus, events.datasetIngested);
    expect(more).toEqual([]);
    expect(ingested?.data).toMatchObject({ requestEventId: 'e1', version: 1, rows: 344 });
    expect(await all(bus, events.datasetRejected)).toHaveLength(1);
    expect(await recordOf(world)).toMatchObject({ state: 'ingested', version: 1, code: '', message: '' });
    expect((await bus.deadLetters.list()).letters).toEqual([]);

    // And so it comes out of the log again: the later of the two records stands.
    const record = await recordOf(world);
    for (const name of ['datasets', 'rebuild']) await (await world.store.collection(name)).deleteMany({});
    await world.deliverAllAgain();
    await world.idle();
    expect(await recordOf(world)).toEqual(record);
    expect(await all(bus, events.datasetIngested)).toHaveLength(1);
  }, 60_000);

  test('and is given up again is another letter, which can be sent again', async () => {
    const state = { broken: oneDelivery };
    const world = await start(state);
    const { bus } = world;
    await publish(bus);
    const first = await letter(world, 1);
    state.broken = oneDelivery;
    await bus.deadLetters.redrive(first);
    const second = await letter(world, 2);
    expect(second).not.toBe(first);
    await bus.deadLetters.redrive(second);
    await expect.poll(() => all(bus, events.datasetIngested).then(({ length }) => length)).toBe(1);
    await world.idle();
    expect(await recordOf(world)).toMatchObject({ state: 'ingested', version: 1 });
  }, 60_000);

  test('and has its redrive turned down ends as turned down: the reason is the new one', async () => {
    // Nothing is taken in, so only the turning down has something to save.
    const world = await start({ broken: 1 });
    const { bus } = world;
    const request = readyOf({ name: 'given_up', uri: penguins, target: 'no_such_column' });
    await bus.publish(events.datasetReady, '', request, { id: 'e1' });
    const id = await letter(world, 1);
    await bus.deadLetters.redrive(id);
    await expect.poll(() => all(bus, events.datasetRejected).then(({ length }) => length)).toBe(2);
    await world.deliverAllAgain();
    await world.idle();
    expect(await recordOf(world)).toMatchObject({ state: 'rejected', code: 'RK_DATASET_TARGET_MISSING' });
    expect(await all(bus, events.datasetRejected)).toHaveLength(2);
    expect((await bus.deadLetters.list()).letters).toEqual([]);
  }, 60_000);
});
