import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DuplicateKeyError, openStore, type Collection, type Store } from '../src/index.js';

interface Doc {
  _id: string;
  n: number;
  tags: string[];
  name?: string;
}

type Step =
  | { do: 'insert'; id: string; n: number; name: string | undefined }
  | { do: 'upsert'; id: string; tag: string }
  | { do: 'inc'; id: string; by: number }
  | { do: 'pull'; tag: string; id: string }
  | { do: 'rename'; id: string; name: string }
  | { do: 'delete'; id: string }
  | { do: 'deleteMany'; above: number }
  | { do: 'reopen' };

const id = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const tag = fc.constantFrom('x', 'y', 'z');
const name = fc.constantFrom('p', 'q', 'r');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('insert'), id, n: fc.nat(9), name: fc.option(name, { nil: undefined }) }),
  fc.record({ do: fc.constant('upsert'), id, tag }),
  fc.record({ do: fc.constant('inc'), id, by: fc.integer({ min: -3, max: 3 }) }),
  fc.record({ do: fc.constant('pull'), id, tag }),
  fc.record({ do: fc.constant('rename'), id, name }),
  fc.record({ do: fc.constant('delete'), id }),
  fc.record({ do: fc.constant('deleteMany'), above: fc.nat(9) }),
  fc.record({ do: fc.constant('reopen') }),
);

const indexes = [{ fields: ['name'], unique: true, sparse: true }, { fields: ['tags'] }, { fields: ['n'] }];

/** The same step on a plain Map: what the store must hold afterwards. */
function applyToModel(model: Map<string, Doc>, action: Step): 'duplicate' | 'done' {
  const taken = (wanted: string | undefined, by: string): boolean =>
    wanted !== undefined && [...model.values()].some((doc) => doc.name === wanted && doc._id !== by);
  const doc = 'id' in action ? model.get(action.id) : undefined;
  switch (action.do) {
    case 'insert':
      if (doc !== undefined || taken(action.name, action.id)) return 'duplicate';
      model.set(action.id, {
        _id: action.id,
        n: action.n,
        tags: [],
        ...(action.name ? { name: action.name } : {}),
      });
      break;
    case 'upsert':
      if (doc === undefined) model.set(action.id, { _id: action.id, n: 100, tags: [action.tag] });
      else doc.tags = [...doc.tags, action.tag].slice(-3);
      break;
    case 'inc':
      if (doc !== undefined) doc.n += action.by;
      break;
    case 'pull':
      if (doc !== undefined) doc.tags = doc.tags.filter((other) => other !== action.tag);
      break;
    case 'rename':
      if (doc !== undefined && taken(action.name, action.id)) return 'duplicate';
      if (doc !== undefined) doc.name = action.name;
      break;
    case 'delete':
      model.delete(action.id);
      break;
    case 'deleteMany':
      for (const other of [...model.values()]) if (other.n > action.above) model.delete(other._id);
      break;
    case 'reopen':
      break;
  }
  return 'done';
}

async function applyToStore(docs: Collection<Doc>, action: Step): Promise<void> {
  switch (action.do) {
    case 'insert':
      return docs.insertOne({
        _id: action.id,
        n: action.n,
        tags: [],
        ...(action.name ? { name: action.name } : {}),
      });
    case 'upsert':
      await docs.updateOne(
        { _id: action.id },
        { $setOnInsert: { n: 100 }, $push: { tags: { $each: [action.tag], $slice: -3 } } },
        { upsert: true },
      );
      return;
    case 'inc':
      await docs.updateOne({ _id: action.id }, { $inc: { n: action.by } });
      return;
    case 'pull':
      await docs.updateOne({ _id: action.id }, { $pull: { tags: action.tag } });
      return;
    case 'rename':
      await docs.updateOne({ _id: action.id }, { $set: { name: action.name } });
      return;
    case 'delete':
      await docs.deleteOne({ _id: action.id });
      return;
    case 'deleteMany':
      await docs.deleteMany({ n: { $gt: action.above } });
      return;
    case 'reopen':
  }
}

describe('the embedded store', () => {
  it('holds after any sequence of operations and reopenings what a plain map would hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
        const directory = await mkdtemp(join(tmpdir(), 'store-'));
        const model = new Map<string, Doc>();
        const open = async (): Promise<[Store, Collection<Doc>]> => {
          const opened = await openStore({ directory, database: 'model' });
          return [opened, await opened.collection<Doc>('docs', { indexes })];
        };
        let [store, docs] = await open();
        try {
          for (const action of [...steps, { do: 'reopen' } as const]) {
            if (action.do === 'reopen') {
              await store.close();
              [store, docs] = await open();
            }
            const expected = applyToModel(model, action);
            const actual = await applyToStore(docs, action).then(
              () => 'done',
              (error: unknown) => {
                if (error instanceof DuplicateKeyError) return 'duplicate';
                throw error;
              },
            );
            expect(actual).toBe(expected);
            const all = [...model.values()].sort((a, b) => (a._id < b._id ? -1 : 1));
            expect(await docs.find()).toEqual(all);
            expect(await docs.find({ tags: 'x' })).toEqual(all.filter((doc) => doc.tags.includes('x')));
            expect(await docs.count({ n: { $gte: 5 } })).toBe(all.filter((doc) => doc.n >= 5).length);
            expect(await docs.findOne({ name: 'p' })).toEqual(all.find((doc) => doc.name === 'p') ?? null);
          }
        } finally {
          await store.close();
          await rm(directory, { recursive: true });
        }
      }),
      { numRuns: 40 },
    );
  });
});
