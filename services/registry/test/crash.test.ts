import { createOutbox } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';
import { describe, expect, it } from 'vitest';

import { decideEvaluated } from '../src/application/decide-run.js';
import type { Collections, EventLog, Registry } from '../src/application/ports.js';
import { historyOf, requireModel, versionsOf } from '../src/application/read-models.js';
import { getRun } from '../src/application/read-runs.js';
import { recover } from '../src/application/recovery.js';
import { projectIngested, projectStarted } from '../src/domain/run-projection.js';
import { putPackage, runEvents } from './fixtures.js';
import { evaluatedEvent, openFolder, registryOver } from './world.js';

/** A broker that keeps each id once, in the order of the first publish. */
function recordingBus(): { bus: Pick<Bus, 'publishEncoded'>; published: { id: string; type: string }[] } {
  const published: { id: string; type: string }[] = [];
  return {
    published,
    bus: {
      publishEncoded: (event, _key, _body, { id }) => {
        const duplicate = published.some((item) => item.id === id);
        if (!duplicate) published.push({ id, type: event.type });
        return Promise.resolve({ sequence: published.length, duplicate });
      },
    },
  };
}

class Killed extends Error {}

/** Parts that die at their n-th write or publish: before it takes effect, or after it and before the caller knows. */
function dying(
  registry: Registry,
  bus: Pick<Bus, 'publishEncoded'>,
  at: number,
  moment: 'before' | 'after',
): Registry {
  let operations = 0;
  let dead = false;
  const wrap = async <R>(operation: () => Promise<R>): Promise<R> => {
    if (dead) throw new Killed();
    const last = operations++ === at;
    if (last) dead = true;
    if (last && moment === 'before') throw new Killed();
    const result = await operation();
    if (last) throw new Killed();
    return result;
  };
  const writes = new Set([
    'insertOne',
    'updateOne',
    'findOneAndUpdate',
    'insertMany',
    'deleteOne',
    'deleteMany',
  ]);
  const collections = Object.fromEntries(
    Object.entries(registry.collections).map(([name, collection]) => [
      name,
      new Proxy(collection as object, {
        get: (target, key) => {
          const member: unknown = Reflect.get(target, key, target);
          if (typeof member !== 'function') return member;
          const call = (...args: unknown[]): Promise<unknown> =>
            (member as (...a: unknown[]) => Promise<unknown>).apply(target, args);
          return writes.has(String(key)) ? (...args: unknown[]) => wrap(() => call(...args)) : call;
        },
      }),
    ]),
  ) as unknown as Collections;
  const outbox = createOutbox({ publishEncoded: (...args) => wrap(() => bus.publishEncoded(...args)) });
  return { ...registry, collections, outbox };
}

function logOf(run: ReturnType<typeof runEvents>): EventLog {
  const meta = evaluatedEvent(run.evaluated);
  return {
    beginningOf: () =>
      Promise.resolve([projectStarted(run.started, meta), projectIngested(run.ingested, meta)]),
  };
}

type Outcome = {
  spec: { accuracy: number };
  state: number;
  versions: number[];
  history: number[];
  types: string[];
};

const promoted: Outcome = {
  spec: { accuracy: 0.95 },
  state: RunState.RUN_STATE_PROMOTED,
  versions: [2, 1],
  history: [1, 2],
  types: ['ml.model.registered', 'ml.model.promoted', 'ml.run.completed'],
};
const worse: Outcome = {
  spec: { accuracy: 0.8 },
  state: RunState.RUN_STATE_REJECTED,
  versions: [2, 1],
  history: [1],
  types: ['ml.model.registered', 'ml.model.rejected', 'ml.run.completed'],
};
const refused: Outcome = {
  spec: { accuracy: 0.1 },
  state: RunState.RUN_STATE_REJECTED,
  versions: [1],
  history: [1],
  types: ['ml.model.rejected', 'ml.run.completed'],
};

describe('a process killed at any write or publish of a decision', () => {
  it.each([
    ['promoted', 'redelivered', promoted],
    ['promoted', 'recovered', promoted],
    ['worse than the champion', 'redelivered', worse],
    ['worse than the champion', 'recovered', worse],
    ['refused by the gate', 'redelivered', refused],
    ['refused by the gate', 'recovered', refused],
  ] as const)('leaves one decision, announced once: %s, %s', async (_, how, expected) => {
    const folder = await openFolder();
    try {
      const packaged = await putPackage(folder.artifacts);
      let killedSomewhere = 0;
      for (const moment of ['before', 'after'] as const) {
        for (let at = 0; ; at++) {
          const model = `m-${moment}-${at}`;
          const { bus, published } = recordingBus();
          const outbox = createOutbox(bus);
          const first = runEvents({ model, accuracy: 0.9, package: packaged });
          await decideEvaluated(
            await registryOver(folder.store, folder.artifacts, outbox, logOf(first)),
            evaluatedEvent(first.evaluated),
          );
          published.length = 0;

          const run = runEvents({ model, ...expected.spec, package: packaged });
          const registry = await registryOver(folder.store, folder.artifacts, outbox, logOf(run));
          const killed = await decideEvaluated(
            dying(registry, bus, at, moment),
            evaluatedEvent(run.evaluated),
          ).then(
            () => false,
            () => true,
          );
          if (killed) killedSomewhere += 1;

          // The next life: what it recovers at its start, or the broker's redelivery, in this order in reality.
          if (how === 'recovered') {
            await recover(registry);
            await outbox.recover(registry.collections.runs);
            await outbox.recover(registry.collections.models);
          }
          await decideEvaluated(registry, evaluatedEvent(run.evaluated));
          await decideEvaluated(registry, evaluatedEvent(run.evaluated));

          const after = await requireModel(registry, model);
          const label = `${moment} ${at}`;
          expect((await getRun(registry, run.runId)).state, label).toBe(expected.state);
          expect(
            (await versionsOf(registry, after, { limit: 0, offset: 0 })).map((version) => version.version),
            label,
          ).toEqual(expected.versions);
          expect(
            (await historyOf(registry, after, 'champion')).map((change) => change.revision),
            label,
          ).toEqual(expected.history);
          expect(
            published.map((item) => item.type),
            label,
          ).toEqual(expected.types);
          expect(after.pending, label).toEqual([]);
          expect(after.outbox, label).toEqual([]);
          if (!killed) break;
        }
      }
      expect(killedSomewhere).toBeGreaterThanOrEqual(8);
    } finally {
      await folder.close();
    }
  });
});
