import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { openStore } from '@rookery/store';
import type { Store } from '@rookery/store';
import { InferenceSwapped } from '@rookery/proto/rookery/events/v1/model';

import { openCollections } from '../src/adapters/collections.js';
import { applyProjection } from '../src/application/project-runs.js';
import { createRunChanges } from '../src/application/run-changes.js';
import type { Collections } from '../src/application/ports.js';
import type { RunDocument } from '../src/domain/run-document.js';
import {
  projectEvaluated,
  projectFoldEvaluated,
  projectIngested,
  projectStarted,
  projectSwapped,
  projectTrained,
} from '../src/domain/run-projection.js';
import type { ProjectedMeta, Projection } from '../src/domain/run-projection.js';
import { runView } from '../src/domain/run-view.js';
import { runEvents } from './fixtures.js';

let directory: string;
let store: Store;
let collections: Collections;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'rookery-registry-'));
  store = await openStore({ directory, database: 'registry' });
  collections = await openCollections(store);
});
afterAll(async () => {
  await store.close();
  await rm(directory, { recursive: true, force: true });
});

const meta = (id: string, atMs: number): ProjectedMeta => ({
  id,
  time: new Date(atMs),
  correlationId: 'request',
  traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
});

function projectionsOf(requestEventId: string): Projection[] {
  const events = runEvents({ requestEventId });
  const swap = (ms: number): InferenceSwapped =>
    InferenceSwapped.fromPartial({
      model: events.model,
      runId: events.runId,
      version: 1,
      publishedToServingMs: ms,
    });
  const t = 1_700_000_000_100;
  return [
    projectIngested(events.ingested, meta('i', t)),
    projectStarted(events.started, meta('s', t + 10)),
    ...events.trained.map((data, k) => projectTrained(data, meta(`t${k}`, t + 20 + k))),
    ...events.foldEvaluated.map((data, k) => projectFoldEvaluated(data, meta(`e${k}`, t + 40 + k))),
    projectEvaluated(events.evaluated, meta('r', t + 60)),
    ...[2100, 1900].map((ms) => projectSwapped(swap(ms), meta(`w${ms}`, t + ms))),
  ].filter((item) => item !== undefined);
}

let runs = 0;
async function documentOf(order: (all: Projection[]) => Projection[]): Promise<RunDocument> {
  // One request a sample, so that samples share the collection; the id itself is left out of the comparison.
  const request = `sample-${runs++}`;
  const all = order(projectionsOf(request));
  const registry = { collections, changes: createRunChanges() };
  let last: RunDocument | undefined;
  for (const projection of all) last = await applyProjection(registry, projection);
  const text = JSON.stringify(last)
    .replaceAll(last?._id ?? '', 'run')
    .replaceAll(request, 'request');
  return JSON.parse(text) as RunDocument;
}

describe("a run's document", () => {
  it('is the same in whatever order and however often the events come', async () => {
    const expected = await documentOf((all) => all);
    const count = projectionsOf('count').length;
    await fc.assert(
      fc.asyncProperty(
        fc.shuffledSubarray([...Array(count).keys()], { minLength: count }),
        fc.array(fc.nat(count - 1), { maxLength: 10 }),
        async (order, again) => {
          const given = await documentOf((all) => [...order, ...again].map((k) => all[k] as Projection));
          expect(given).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('shows planned jobs as queued, then trained, then evaluated', async () => {
    const [ingested, started, first, , , final, evaluatedFirst] = projectionsOf('states') as [
      Projection,
      Projection,
      Projection,
      Projection,
      Projection,
      Projection,
      Projection,
    ];
    const registry = { collections, changes: createRunChanges() };
    const states = async (projection: Projection): Promise<string[]> =>
      runView(await applyProjection(registry, projection)).jobs.map((job) => job.state);
    expect(await states(ingested)).toEqual([]);
    expect(await states(started)).toEqual(['queued', 'queued', 'queued', 'queued']);
    expect(await states(first)).toEqual(['trained', 'queued', 'queued', 'queued']);
    expect(await states(evaluatedFirst)).toEqual(['evaluated', 'queued', 'queued', 'queued']);
    expect(await states(final)).toEqual(['evaluated', 'queued', 'queued', 'trained']);
  });

  it('keeps the time of the first swap and the trace', async () => {
    const all = projectionsOf('view');
    const registry = { collections, changes: createRunChanges() };
    let last: RunDocument | undefined;
    for (const projection of all) last = await applyProjection(registry, projection);
    expect(runView(last as RunDocument)).toMatchObject({
      state: RunState.RUN_STATE_EVALUATED,
      model: 'penguins',
      publishedToServingMs: 1900,
      traceId: 'a'.repeat(32),
      backend: 'cpu',
      createdAtMs: 1_700_000_000_000,
    });
  });
});
