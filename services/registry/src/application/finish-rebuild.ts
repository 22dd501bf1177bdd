import { derivedEventId, events } from '@rookery/contracts';

import { isUpToDate, modelFromHistory } from '../domain/model-from-history.js';
import type { VersionDocument } from '../domain/model-document.js';
import { isTerminal } from '../domain/run-state.js';
import { causeOf, completeRegistered } from './decide-run.js';
import type { Registry } from './ports.js';
import { completedEntry } from './register-run.js';

const rounds = 50;

/**
 * Ends a rebuild: makes the documents of the models, then completes what the log tells in part, because the process died
 * between two of its publications. A version whose run has no end is promoted or not, as before; an end that was
 * not announced is announced, under the id that it would have had.
 */
export async function finishRebuild(registry: Registry, unannounced: ReadonlySet<string>): Promise<void> {
  const versions = await registry.collections.versions.find({});
  for (const name of new Set(versions.map(({ model }) => model))) await writeDerivedModel(registry, name);
  for (const version of versions) await completeVersion(registry, version);
  for (const runId of unannounced) await announceEnd(registry, runId);
}

async function writeDerivedModel(registry: Registry, name: string): Promise<void> {
  const { models, versions, aliasChanges } = registry.collections;
  for (let round = 0; round < rounds; round++) {
    const before = await models.findOne({ _id: name });
    const derived = modelFromHistory(
      name,
      await versions.find({ model: name }),
      await aliasChanges.find({ model: name }),
    );
    if (!derived || (before && isUpToDate(before, derived))) return;
    if (!before) {
      if ((await models.insertMany([derived], { ignoreDuplicates: true })) === 1) return;
      continue;
    }
    const { revision, latestVersion, aliases, updatedAtMs } = derived;
    const { matched } = await models.updateOne(
      { _id: name, revision: before.revision },
      {
        $set: { latestVersion, aliases, revision: Math.max(revision, before.revision + 1) },
        $max: { updatedAtMs },
      },
    );
    if (matched === 1) return;
  }
}

async function completeVersion(registry: Registry, version: VersionDocument): Promise<void> {
  const run = await registry.collections.runs.findOne({ _id: version.runId });
  if (!run?.evaluated || isTerminal(run.state)) return;
  registry.logger.warn(
    { runId: run._id, model: version.model, version: version.version },
    'a registered version was never decided on: deciding now',
  );
  await completeRegistered(registry, run, version);
}

async function announceEnd(registry: Registry, runId: string): Promise<void> {
  const { runs } = registry.collections;
  const run = await runs.findOne({ _id: runId });
  if (!run?.end || !run.evaluated || run.model === undefined) return;
  const id = derivedEventId(events.runCompleted.type, runId);
  const entry = completedEntry(registry, run, run.model, run.end, causeOf(run, run.evaluated));
  registry.logger.warn({ runId }, 'the end of a run was never announced: announcing it now');
  await runs.updateOne({ _id: runId, 'outbox.id': { $ne: id } }, { $push: { outbox: { $each: [entry] } } });
}
