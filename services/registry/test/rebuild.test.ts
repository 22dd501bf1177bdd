import { createOutbox } from '@rookery/bus';
import type { Bus, BusEvent } from '@rookery/bus';
import { events } from '@rookery/contracts';
import { RejectionStage } from '@rookery/proto/rookery/events/v1/model';
import { FoldReproduced } from '@rookery/proto/rookery/events/v1/run';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { rebuildFromLog } from '@rookery/service-kit';
import type { Collection, Document } from '@rookery/store';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { cancelRun } from '../src/application/cancel-run.js';
import { rollBack, setAlias } from '../src/application/move-alias.js';
import type { Registry } from '../src/application/ports.js';
import { registryRebuild } from '../src/application/rebuild.js';
import { reproduceRun } from '../src/application/reproduce-run.js';
import { resumeRun } from '../src/application/resume-run.js';
import { runEvents } from './fixtures.js';
import type { RunEvents } from './fixtures.js';
import { openFolder, quiet, registryOver, startWorld } from './world.js';
import type { World } from './world.js';

type Stored = BusEvent<unknown>;

let world: World;
/** The whole log, in its order. */
let log: Stored[];
/** What the registry that lived through it holds. */
let lived: unknown;

/** All documents; an outbox that is empty may as well be absent. */
async function documentsOf({ collections }: Registry): Promise<Record<string, unknown>> {
  const found = await Promise.all(
    Object.values(collections).map(async (collection) => [
      collection.name,
      (await (collection as Collection).find()).map((document) => {
        const { outbox, ...fields } = document as Document & { outbox?: unknown[] };
        return outbox === undefined || outbox.length === 0 ? fields : document;
      }),
    ]),
  );
  return Object.fromEntries(found) as Record<string, unknown>;
}

/** A bus whose log is a list; what is published is kept. */
function busOver(stored: readonly Stored[]): {
  bus: Pick<Bus, 'bounds' | 'replayAll' | 'publishEncoded'>;
  published: string[];
} {
  const published: string[] = [];
  return {
    published,
    bus: {
      bounds: async () => ({ firstSequence: 1, lastSequence: stored.length, messages: stored.length }),
      replayAll: async (_stream, types, { onEvent }) => {
        for (const event of stored) if (types.some(({ type }) => type === event.type)) await onEvent(event);
        return stored.length;
      },
      publishEncoded: async (_event, _key, _body, { id }) => {
        published.push(id);
        return { sequence: 1, duplicate: false };
      },
    },
  };
}

/** An empty registry that is given one log after the other, as after as many losses of its record. */
async function rebuiltFrom(...logs: readonly (readonly Stored[])[]): Promise<{
  documents: Record<string, unknown>;
  published: string[];
}> {
  const folder = await openFolder();
  try {
    const published: string[] = [];
    let documents: Record<string, unknown> = {};
    for (const stored of logs) {
      const { bus, published: now } = busOver(stored);
      const outbox = createOutbox(bus);
      const beginning = { beginningOf: () => Promise.resolve([]) };
      const registry = await registryOver(folder.store, world.artifacts, outbox, beginning);
      await (await folder.store.collection('rebuild')).deleteMany({});
      await rebuildFromLog(
        {
          bus,
          store: folder.store,
          outbox,
          logger: quiet as never,
          clock: Date.now,
          signal: new AbortController().signal,
        },
        registryRebuild(registry),
      );
      await outbox.recover(registry.collections.runs);
      await outbox.recover(registry.collections.models);
      await outbox.recover(registry.collections.reproductions);
      documents = await documentsOf(registry);
      published.push(...now);
    }
    return { documents, published };
  } finally {
    await folder.close();
  }
}

/** Runs that are failed, resumed to another end, cancelled, and reproduced. */
async function turns(): Promise<void> {
  const { registry, others } = world;
  const turn = { actor: 'carol', reason: 'to see' };
  let sent = 0;
  const id = (): { id: string } => ({ id: `turn-${(sent += 1)}` });
  const begin = async (): Promise<RunEvents> => {
    const run = runEvents({ model: 'turned', package: world.package });
    await others.publish(events.datasetIngested, run.model, run.ingested, id());
    await others.publish(events.runStarted, run.runId, run.started, id());
    for (const trained of run.trained) await others.publish(events.foldTrained, run.runId, trained, id());
    await vi.waitFor(async () => {
      const known = await registry.collections.runs.findOne({ _id: run.runId });
      expect([known?.started, known?.ingested]).not.toContain(undefined);
      expect(Object.keys(known?.jobs ?? {})).toHaveLength(run.trained.length);
    });
    return run;
  };
  const fail = async ({ runId, model }: RunEvents, runAttempt: number): Promise<void> => {
    const failure = { runId, model, code: 'RK_X', message: 'no', step: 'fold 1', attempts: 1, runAttempt };
    await others.publish(events.runFailed, runId, failure, id());
    await world.ended(runId);
  };

  const completed = await begin();
  await fail(completed, 1);
  await resumeRun(registry, { runId: completed.runId, ...turn });
  const evaluated = { ...completed.evaluated, runAttempt: 2 };
  await others.publish(events.runEvaluated, completed.runId, evaluated, id());
  await world.ended(completed.runId);

  const twice = await begin();
  await fail(twice, 1);
  await resumeRun(registry, { runId: twice.runId, ...turn });
  await fail(twice, 2);
  const open = await begin();
  await fail(open, 1);
  await resumeRun(registry, { runId: open.runId, ...turn });
  const cancelled = await begin();
  await cancelRun(registry, { runId: cancelled.runId, ...turn });

  const jobsOf = completed.trained.map(({ fold, final, trained }) => ({
    fold,
    final,
    sha: trained?.sha256 ?? '',
  }));
  for (const ends of [true, false]) {
    const { reproductionId } = await reproduceRun(registry, { runId: completed.runId, actor: 'dave' });
    for (const [k, { fold, final, sha }] of jobsOf.entries()) {
      if (!ends && k === 0) continue;
      const job = { reproductionId, runId: completed.runId, fold, final, equal: true, recordedSha256: sha };
      await others.publish(events.foldReproduced, completed.runId, FoldReproduced.fromPartial(job), id());
    }
    await vi.waitFor(async () => {
      const found = await registry.collections.reproductions.findOne({ _id: reproductionId });
      expect(Object.keys(found?.jobs ?? {})).toHaveLength(jobsOf.length - (ends ? 0 : 1));
      expect(found?.state).toBe(ends ? 'equal' : 'training');
    });
  }
}

beforeAll(async () => {
  world = await startWorld();
  await world.finish({ accuracy: 0.8 });
  const second = await world.finish({ accuracy: 0.9 });
  await world.finish({ accuracy: 0.1 });
  await world.finish({ accuracy: 0.85 });
  await world.finish({ model: 'other', accuracy: 0.9 });
  const move = { model: 'penguins', actor: 'alice', reason: 'a look' };
  await setAlias(world.registry, { ...move, alias: 'staging', version: 1, expectedRevision: 0 });
  await setAlias(world.registry, { ...move, alias: 'staging', version: 2, expectedRevision: 1 });
  await rollBack(world.registry, { model: 'penguins', toVersion: 0, actor: 'bob', reason: '' });
  // A person who calls himself as the gate does is still a person.
  await setAlias(world.registry, {
    ...move,
    actor: 'gate',
    alias: 'champion',
    version: 2,
    expectedRevision: 3,
  });
  await world.others.publish(
    events.modelRejected,
    'penguins',
    {
      model: 'penguins',
      version: 2,
      runId: second.runId,
      stage: RejectionStage.REJECTION_STAGE_SERVING,
      code: 'RK_MODEL_CORRUPT',
      reasons: ['golden predictions differ'],
      verdict: undefined,
      replica: 'replica-1',
    },
    { id: 'refusal-1' },
  );
  const failure = {
    runId: `run-${'5'.repeat(16)}`,
    model: 'penguins',
    code: 'RK_TRAIN_DIVERGED',
    message: 'NaN',
    step: 'fold 2',
    attempts: 1,
  };
  await world.others.publish(events.runFailed, failure.runId, failure, { id: 'failure-1' });
  await world.ended(failure.runId);
  await vi.waitFor(async () => {
    const refused = await world.registry.collections.versions.findOne({ _id: 'penguins/2' });
    expect(refused?.refusals).toHaveLength(1);
  });
  await turns();
  log = [];
  await world.others.replayAll('ML_EVENTS', Object.values(events), {
    onEvent: async (event) => void log.push(event),
  });
  lived = await documentsOf(world.registry);
});

afterAll(() => world?.stop());

describe('a registry that is rebuilt from its log', () => {
  it('holds what the one held that lived through it, times and actors included, and announces nothing', async () => {
    const { documents, published } = await rebuiltFrom(log);
    expect(documents).toEqual(lived);
    expect(published).toEqual([]);
  });

  it('holds the same where it was rebuilt to some point before, or twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...betweenDecisions()), async (cut) => {
        expect((await rebuiltFrom(log.slice(0, cut), log)).documents).toEqual(lived);
      }),
      { numRuns: 25, examples: [[0], [log.length]] },
    );
  }, 120_000);

  it('decides what was cut off in its announcements once, and as before', async () => {
    const isEnd = ({ type }: Stored): boolean => type === events.runCompleted.type;
    const first = log.findIndex(isEnd);
    const runId = log[first]?.key ?? '';
    const own = (from: string): number => log.findIndex(({ type }) => type === from);
    // Cut before each announcement of the first decision but the first one.
    for (const end of [own(events.modelPromoted.type), first]) {
      const { documents, published } = await rebuiltFrom(log.slice(0, end));
      const runs = documents['runs'] as { _id: string; state: number; end?: { version: number } }[];
      const run = runs.find(({ _id }) => _id === runId);
      expect(run).toMatchObject({ state: RunState.RUN_STATE_PROMOTED, end: { version: 1 } });
      expect(documents['versions']).toHaveLength(1);
      expect(documents['alias_changes']).toMatchObject([
        { version: 1, revision: 1, kind: 'promoted', actor: 'gate' },
      ]);
      const ids = log.slice(end, first + 1).map(({ id }) => id);
      expect(published.filter((id) => ids.includes(id))).toEqual(published);
      expect(published.at(-1)).toBe(log[first]?.id);
    }
  });
});

/** Ends of prefixes of the log that hold each decision as a whole or not at all. */
function betweenDecisions(): number[] {
  const open = new Set<string>();
  const left = new Map<string, number>();
  const cuts = [0];
  for (const [k, { type, data }] of log.entries()) {
    const {
      runId = '',
      stage,
      reproductionId = '',
      jobs = [],
    } = data as { runId?: string; stage?: RejectionStage; reproductionId?: string; jobs?: unknown[] };
    const begins = type === events.modelRegistered.type || type === events.modelRejected.type;
    if (begins && stage !== RejectionStage.REJECTION_STAGE_SERVING) open.add(runId);
    if (type === events.runCompleted.type) open.delete(runId);
    // A reproduction whose jobs are all in is joined by whoever looks next, at its own time.
    if (type === events.runReproducing.type) left.set(reproductionId, jobs.length);
    if (type === events.foldReproduced.type) left.set(reproductionId, (left.get(reproductionId) ?? 0) - 1);
    if (type === events.runReproduced.type) left.delete(reproductionId);
    if (open.size === 0 && ![...left.values()].includes(0)) cuts.push(k + 1);
  }
  return cuts;
}
