import { events } from '@rookery/contracts';
import { projection } from '@rookery/service-kit';
import type { RebuildSpec } from '@rookery/service-kit';

import { reproductionOf, stateOfResult } from '../domain/reproduction-document.js';
import { jobNameOf } from '../domain/run-projection.js';
import type { Registry } from './ports.js';
import { joinReproduction } from './reproduce-run.js';

/**
 * How the reproductions come out of the log. Why a job could not be done stands in the result alone; one whose jobs are all
 * in and whose result was never announced is joined.
 */
export function reproductionsRebuild(
  registry: Registry,
): Pick<RebuildSpec, 'projections'> & { readonly finish: () => Promise<void> } {
  const { reproductions } = registry.collections;
  return {
    projections: [
      projection(events.runReproducing, async ({ data }) => {
        const { _id, ...fields } = reproductionOf(data);
        await reproductions.updateOne({ _id }, { $setOnInsert: { ...fields, outbox: [] } }, { upsert: true });
      }),
      projection(events.foldReproduced, async ({ data }) => {
        const path = `jobs.${jobNameOf(data.fold, data.final)}`;
        await reproductions.updateOne(
          { _id: data.reproductionId, [path]: { $exists: false } },
          { $set: { [path]: data } },
        );
      }),
      projection(events.runReproduced, async ({ data }) => {
        const jobs = Object.fromEntries(data.jobs.map((job) => [jobNameOf(job.fold, job.final), job]));
        await reproductions.updateOne(
          { _id: data.reproductionId, state: 'training' },
          {
            $set: { state: stateOfResult(data), endedAtMs: data.timeMs, differences: data.differences, jobs },
          },
        );
      }),
    ],
    finish: async () => {
      for (const { _id } of await reproductions.find({ state: 'training' }))
        await joinReproduction(registry, _id, undefined);
    },
  };
}
