import type { EventMeta } from '@rookery/bus';
import { events, jobKeyOf } from '@rookery/contracts';
import type { FoldJob, FoldReproduced, RunReproducing } from '@rookery/proto/rookery/events/v1/run';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import type { SearchPorts } from './open-search.js';
import { jobsOfReproduction } from './reproduce-run.js';

/**
 * How it comes out of the log which reproductions were sent their jobs. Jobs of one that has no result, and that were never
 * stored, are announced.
 */
export function reproductionsRebuild({
  plans,
  outbox,
  bus,
}: Pick<SearchPorts, 'plans' | 'outbox' | 'bus'>): Pick<RebuildSpec, 'projections'> & {
  readonly finish: () => Promise<void>;
} {
  const open = new Map<string, { data: RunReproducing; meta: EventMeta; known: Set<string> }>();
  const note = (reproductionId: string, { fold, final }: Pick<FoldJob, 'fold' | 'final'>): void =>
    void open.get(reproductionId)?.known.add(jobKeyOf(reproductionId, fold, final));
  return {
    projections: [
      projection(events.runReproducing, async ({ data, raw: _raw, ...meta }) => {
        await plans.updateOne(
          { _id: data.reproductionId },
          { $setOnInsert: { model: data.model, outbox: [] } },
          { upsert: true },
        );
        open.set(data.reproductionId, { data, meta, known: new Set() });
      }),
      projection(events.foldReproduced, async ({ data }: { data: FoldReproduced }) =>
        note(data.reproductionId, data),
      ),
      projection(events.runReproduced, async ({ data }) => void open.delete(data.reproductionId)),
      projection(events.foldJob, async ({ data }) => {
        if (data.reproduction) note(data.reproduction.reproductionId, data);
      }),
    ],
    finish: async () => {
      for (const [_id, { data, meta, known }] of open) {
        const run = await bus.lastOf(events.runStarted, data.runId);
        if (!run) continue;
        for (const entry of jobsOfReproduction(outbox, run.data, data, meta)) {
          if (known.has(entry.key)) continue;
          await plans.updateOne(
            { _id, 'outbox.id': { $ne: entry.id } },
            { $push: { outbox: { $each: [entry] } } },
          );
        }
      }
    },
  };
}
