import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { BusEvent } from '@rookery/bus';
import { RetryableError, TerminalError, events } from '@rookery/contracts';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { projection, rebuildFromLog } from '../src/index.js';
import type { RebuildRecord } from '../src/index.js';
import { watchDatabase } from '../src/rebuild/watch-database.js';

let directory: string;
let store: Store;
let seen: string[];
const quiet = { debug() {}, info() {}, warn() {}, error() {}, fatal() {} } as never;
const open = (): Promise<Store> => openStore({ directory, database: 'service' });

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'rookery-rebuild-'));
  store = await open();
  seen = [];
});
afterEach(async () => {
  await store.close();
  rmSync(directory, { recursive: true, force: true });
});

const label = (predictionId: string): BusEvent<unknown> => ({
  id: predictionId,
  type: events.labelReceived.type,
  subject: '',
  key: '',
  source: '',
  time: new Date(0),
  correlationId: '',
  deliveryCount: 1,
  stream: 'ML_EVENTS',
  sequence: 1,
  raw: new Uint8Array(),
  data: { predictionId, label: 'x', model: '' },
});

async function rebuild(
  log: readonly BusEvent<unknown>[],
  apply: (id: string) => Promise<void> = async () => undefined,
): Promise<RebuildRecord | undefined> {
  await store.collection('things');
  return rebuildFromLog(
    {
      store,
      logger: quiet,
      clock: () => 1,
      signal: new AbortController().signal,
      outbox: { recover: async () => 0 },
      bus: {
        bounds: async () => ({ firstSequence: 1, lastSequence: log.length, messages: log.length }),
        replayAll: async (_stream, _types, { onEvent }) => {
          for (const event of log) await onEvent(event);
          return log.length;
        },
      },
    },
    {
      collections: ['things'],
      projections: [
        projection(events.labelReceived, async ({ id }) => {
          await apply(id);
          seen.push(id);
        }),
      ],
    },
  );
}
const restart = async (): Promise<void> => {
  await store.close();
  store = await open();
};

describe('a database', () => {
  test('is rebuilt once, and again where a collection or the record of the rebuild is lost', async () => {
    expect(await rebuild([label('a')])).toMatchObject({
      state: 'rebuilt',
      events: 1,
      through: { ML_EVENTS: 1 },
    });
    await restart();
    expect(await rebuild([label('a')])).toBeUndefined();
    for (const [lost, reason] of [
      ['things', 'collections are missing: things'],
      ['rebuild', 'the database is new, or was lost'],
    ] as const) {
      await store.close();
      rmSync(join(directory, 'service', `${lost}.db`));
      store = await open();
      expect(await rebuild([label('a')])).toMatchObject({ reason, events: 1 });
    }
    expect(seen).toEqual(['a', 'a', 'a']);
  });

  test('whose rebuild ended half way is rebuilt from the beginning', async () => {
    const gone = new RetryableError('RK_ARTIFACT_UNAVAILABLE', 'the artifact store is away');
    await expect(
      rebuild([label('a'), label('b')], async (id) => (id === 'b' ? Promise.reject(gone) : undefined)),
    ).rejects.toBe(gone);
    await restart();
    expect(await rebuild([label('a'), label('b')])).toMatchObject({
      reason: 'an earlier rebuild did not end',
      events: 2,
    });
    expect(seen).toEqual(['a', 'a', 'b']);
  });

  test('takes in what can be, passes over what never can, and tries again what may pass', async () => {
    let failures = 0;
    const record = await rebuild([label('bad'), label('late'), label('good')], async (id) => {
      if (id === 'bad') throw new TerminalError('RK_MESSAGE_MISSING_FIELD', 'no run');
      if (id === 'late' && failures++ < 2) throw new RetryableError('RK_STORE_UNAVAILABLE', 'away');
    });
    expect(record).toMatchObject({ events: 2, skipped: 1 });
    expect(seen).toEqual(['late', 'good']);
  });

  test('that is removed under a running service ends it', async () => {
    await rebuild([]);
    const stopped = new Promise<string>((resolve) => {
      void watchDatabase({ store, logger: quiet, stop: resolve, onReach: () => undefined }, 1);
    });
    rmSync(join(directory, 'service'), { recursive: true });
    expect(await stopped).toBe('the database was removed');
  });
});
