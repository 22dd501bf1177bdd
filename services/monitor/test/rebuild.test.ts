import type { BusEvent } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { MonitorReported } from '@rookery/proto/rookery/events/v1/monitoring';
import { rebuildFromLog } from '@rookery/service-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openCollections } from '../src/adapters/collections.js';
import type { Collections } from '../src/adapters/collections.js';
import { CaptureSignal } from '../src/application/capture-signal.js';
import { monitorStatus } from '../src/application/monitor-status.js';
import { beforeTheLog, monitorRebuild } from '../src/application/rebuild.js';
import { captured, delivered, draw, openFolder, promoted, quiet, recorder, registered } from './fixtures.js';

let folder: Awaited<ReturnType<typeof openFolder>>;
let databases = 0;
beforeAll(async () => {
  folder = await openFolder();
});
afterAll(() => folder.close());

/** A monitor that is rebuilt from these events, and what it then announces. */
async function rebuiltFrom(
  log: readonly BusEvent<unknown>[],
  capturesTruncated = false,
): Promise<{ collections: Collections; announced: ReturnType<typeof recorder>['of'] }> {
  const store = await folder.open(`rebuilt${(databases += 1)}`);
  const collections = await openCollections(store);
  const { outbox, of } = recorder();
  await rebuildFromLog(
    {
      store,
      outbox,
      logger: quiet as never,
      clock: () => 1_700_000_000_000,
      signal: new AbortController().signal,
      bus: {
        bounds: async () => ({ firstSequence: 1, lastSequence: log.length, messages: log.length }),
        replayAll: async (stream, _types, { onEvent }) => {
          for (const event of log) if (event.stream === stream) await onEvent(event);
          return log.length;
        },
      },
    },
    monitorRebuild({
      collections,
      captured: new CaptureSignal(),
      outbox,
      clock: () => 1_700_000_000_000,
      keep: 100_000,
      capturesTruncated,
    }),
  );
  await outbox.recover(collections.reports);
  return { collections, announced: of };
}

const reported = (reportId: string, more: Partial<MonitorReported>): BusEvent<unknown> =>
  delivered(
    events.monitorReported,
    MonitorReported.fromPartial({ reportId, model: 'penguins', version: 1, trigger: 'count', ...more }),
  );
const models = (): BusEvent<unknown>[] => [
  delivered(events.modelRegistered, registered('penguins', 1, folder.reference)),
  delivered(events.modelPromoted, promoted('penguins', 1, 1, folder.reference)),
];
const drift = { drifted: true, driftedColumns: 4, testedColumns: 6, share: 0.66, threshold: 0.5 };

describe('a monitor that is rebuilt from the log', () => {
  test('counts batches that the log no longer holds neither as lost nor below what its reports tell', async () => {
    const batches = [4, 5].map((batch) =>
      delivered(events.predictionCaptured, captured(draw(10, batch), { batch, dropped: 3 })),
    );
    const log = [...models(), reported('report-1', { taken: 45 }), ...batches];
    const { collections } = await rebuiltFrom(log, true);
    const [status] = (await monitorStatus(collections)({ model: 'penguins' })).models;
    expect(status).toMatchObject({ captured: 45, lostBatches: 0, dropped: 3, lastReportId: 'report-1' });
    expect((await collections.replicas.findOne({ _id: beforeTheLog }))?.counts).toEqual({ 'penguins@1': 25 });

    // Where the log has its beginning, what is missing is lost.
    const whole = await rebuiltFrom([...models(), ...batches]);
    const [known] = (await monitorStatus(whole.collections)({ model: 'penguins' })).models;
    expect(known).toMatchObject({ captured: 20, lostBatches: 3 });
  });

  test('announces the drift that a report found and that was not announced, and nothing else', async () => {
    const told = delivered(
      events.driftDetected,
      events.driftDetected.message.fromPartial({ reportId: 'report-told', model: 'penguins', version: 1 }),
    );
    const { announced } = await rebuiltFrom([
      ...models(),
      reported('report-calm', { datasetDrift: { ...drift, drifted: false } }),
      reported('report-told', { datasetDrift: drift }),
      told,
      reported('report-cut-off', { datasetDrift: drift }),
    ]);
    expect(announced(events.driftDetected)).toMatchObject([{ reportId: 'report-cut-off' }]);
    expect(announced(events.monitorReported)).toEqual([]);
  });
});
