import { describe, expect, it } from 'vitest';
import { DuplicateKeyError, StoreQueryError, type Update } from '../../src/index.js';
import type { ContractContext, Doc } from './store-contract.js';

const start = {
  _id: 'a',
  n: 5,
  s: 'x',
  list: [1, 2, 3],
  rows: [
    { id: 1, v: 'p' },
    { id: 2, v: 'q' },
  ],
  sub: { a: 1 },
};
const row = (id: number, v: string): object => ({ id, v });

/** What an update makes of `start` in MongoDB. */
const cases: [string, Update, Partial<Doc>][] = [
  [
    '$set',
    { $set: { n: 6, 'sub.b.c': 1, 'rows.1.v': 'r' } },
    { n: 6, sub: { a: 1, b: { c: 1 } }, rows: [row(1, 'p'), row(2, 'r')] },
  ],
  ['$set past the end', { $set: { 'list.4': 5 } }, { list: [1, 2, 3, null, 5] }],
  ['$set undefined', { $set: { n: undefined, s: 'y' } }, { s: 'y' }],
  ['$unset', { $unset: { s: '', 'sub.a': true, none: 1, 'absent.x': 1 } }, { s: undefined, sub: {} }],
  ['$unset in an array', { $unset: { 'list.1': 1 } }, { list: [1, null, 3] }],
  ['$inc', { $inc: { n: -2, fresh: 3, 'sub.a': 0.5 } }, { n: 3, fresh: 3, sub: { a: 1.5 } }],
  ['$min', { $min: { n: 4, s: 'z', low: 1 } }, { n: 4, low: 1 }],
  ['$max', { $max: { n: 4, s: 'z', 'sub.a': 9 } }, { s: 'z', sub: { a: 9 } }],
  ['$push', { $push: { list: 4, fresh: { a: 1 } } }, { list: [1, 2, 3, 4], fresh: [{ a: 1 }] }],
  ['$push an array as one', { $push: { list: [4, 5] } }, { list: [1, 2, 3, [4, 5]] }],
  ['$push $each', { $push: { list: { $each: [4, 5] } } }, { list: [1, 2, 3, 4, 5] }],
  ['$push last n', { $push: { list: { $each: [4, 5], $slice: -3 } } }, { list: [3, 4, 5] }],
  ['$push first n', { $push: { list: { $each: [4, 5], $slice: 4 } } }, { list: [1, 2, 3, 4] }],
  ['$push none kept', { $push: { list: { $each: [4], $slice: 0 } } }, { list: [] }],
  ['$push only cut', { $push: { list: { $each: [], $slice: -1 } } }, { list: [3] }],
  ['$push cut when new', { $push: { fresh: { $each: [1, 2, 3], $slice: -2 } } }, { fresh: [2, 3] }],
  ['$pull a value', { $pull: { list: 2, none: 1 } }, { list: [1, 3] }],
  ['$pull by operator', { $pull: { list: { $gte: 2 } } }, { list: [1] }],
  ['$pull $in', { $pull: { list: { $in: [1, 3, 9] } } }, { list: [2] }],
  ['$pull sub-documents', { $pull: { rows: { id: 2 } } }, { rows: [row(1, 'p')] }],
  [
    '$pull sub-documents by operators',
    { $pull: { rows: { id: { $in: [1, 7] }, v: 'p' } } },
    { rows: [row(2, 'q')] },
  ],
  ['$addToSet', { $addToSet: { list: 2, fresh: 'x' } }, { fresh: ['x'] }],
  ['$addToSet a sub-document', { $addToSet: { rows: { id: 2, v: 'q' } } }, {}],
  ['$addToSet $each', { $addToSet: { list: { $each: [3, 4, 4] } } }, { list: [1, 2, 3, 4] }],
  ['$setOnInsert', { $setOnInsert: { n: 0, other: 1 } }, {}],
  [
    'several at once',
    { $set: { s: 'y' }, $inc: { n: 1 }, $push: { list: 9 } },
    { s: 'y', n: 6, list: [1, 2, 3, 9] },
  ],
];

export function updateContract({ collection }: ContractContext): void {
  describe('updates', () => {
    it.each(cases)('%s', async (_, update, change) => {
      const docs = await collection();
      await docs.insertMany([start, { ...start, _id: 'other' }]);
      const expected = JSON.parse(JSON.stringify({ ...start, ...change })) as Doc;
      const result = await docs.updateOne({ _id: 'a' }, update);
      expect(await docs.findOne({ _id: 'a' })).toEqual(expected);
      expect(result).toEqual({
        matched: 1,
        modified: Object.keys(change).length > 0 ? 1 : 0,
        upserted: false,
      });
      expect(await docs.findOne({ _id: 'other' })).toEqual({ ...start, _id: 'other' });
    });

    it.each<[string, Update]>([
      ['$push to a number', { $push: { n: 1 } }],
      ['$pull from a number', { $pull: { n: 1 } }],
      ['$addToSet to a string', { $addToSet: { s: 1 } }],
      ['$inc of a string', { $inc: { s: 1 } }],
      ['a field of a number', { $set: { 'n.x': 1 } }],
      ['a named field of an array', { $set: { 'list.x': 1 } }],
      ['the _id', { $set: { _id: 'b' } }],
      ['an unknown operator', { $rename: { n: 'm' } } as Update],
      ['a plain document', { n: 1 } as Update],
      ['one path twice', { $set: { 'sub.a': 1 }, $unset: { sub: 1 } }],
      ['$inc by NaN', { $inc: { n: Number.NaN } }],
      ['a positional path', { $set: { 'rows.$.v': 1 } }],
    ])('are refused as a whole: %s', async (_, update) => {
      const docs = await collection();
      await docs.insertOne(start);
      const failed = docs.updateOne(
        { _id: 'a' },
        { $set: { touched: 1, ...update.$set }, ...without(update) },
      );
      await expect(failed).rejects.toThrow(StoreQueryError);
      expect(await docs.findOne({ _id: 'a' })).toEqual(start);
    });

    it('change at most one document, and none where nothing matches', async () => {
      const docs = await collection();
      await docs.insertMany([
        { _id: 'a', g: 1 },
        { _id: 'b', g: 1 },
      ]);
      expect(await docs.updateOne({ g: 1 }, { $set: { x: 1 } })).toEqual({
        matched: 1,
        modified: 1,
        upserted: false,
      });
      expect(await docs.count({ x: 1 })).toBe(1);
      expect(await docs.updateOne({ g: 2 }, { $set: { x: 1 } })).toEqual({
        matched: 0,
        modified: 0,
        upserted: false,
      });
      expect(await docs.findOneAndUpdate({ g: 2 }, { $set: { x: 1 } })).toBeNull();
      expect(await docs.updateOne({ _id: 'a' }, {})).toEqual({ matched: 1, modified: 0, upserted: false });
    });

    it('upsert makes the document of equalities, $setOnInsert and the rest; later ones leave $setOnInsert alone', async () => {
      const docs = await collection();
      const update = {
        $setOnInsert: { made: 1, 'deep.x': true },
        $inc: { n: 1 },
        $push: { list: 'e' },
        $set: { s: undefined },
      };
      const filter = {
        _id: 'a',
        kind: 'k',
        'at.b': { $eq: 2 },
        gone: { $exists: false },
        $and: [{ also: 3 }],
      };
      expect(await docs.updateOne(filter, update, { upsert: true })).toEqual({
        matched: 0,
        modified: 0,
        upserted: true,
      });
      const first = {
        _id: 'a',
        kind: 'k',
        at: { b: 2 },
        also: 3,
        made: 1,
        deep: { x: true },
        n: 1,
        list: ['e'],
      };
      expect(await docs.findOne({ _id: 'a' })).toEqual(first);
      await docs.updateOne({ _id: 'a' }, { ...update, $setOnInsert: { made: 2 } }, { upsert: true });
      expect(await docs.findOne({ _id: 'a' })).toEqual({ ...first, n: 2, list: ['e', 'e'] });
    });

    it('upsert without an _id makes one up; with one in $setOnInsert uses that', async () => {
      const docs = await collection();
      const made = await docs.findOneAndUpdate({ k: 1 }, { $set: { v: 1 } }, { upsert: true });
      expect(made).toEqual({ _id: expect.stringMatching(/.+/), k: 1, v: 1 });
      const named = await docs.findOneAndUpdate(
        { k: 2 },
        { $setOnInsert: { _id: 'named' } },
        { upsert: true },
      );
      expect(named).toEqual({ _id: 'named', k: 2 });
      const both = await docs.findOneAndUpdate(
        { _id: 'x' },
        { $setOnInsert: { _id: 'x', q: 1 } },
        { upsert: true },
      );
      expect(both).toEqual({ _id: 'x', q: 1 });
    });

    it('a guarded upsert whose guard fails does not overwrite: the _id is taken', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'a', state: 'done' });
      await expect(
        docs.updateOne({ _id: 'a', state: 'open' }, { $set: { v: 1 } }, { upsert: true }),
      ).rejects.toThrow(DuplicateKeyError);
    });

    it('findOneAndUpdate returns the document after the change', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'a', n: 1 });
      expect(await docs.findOneAndUpdate({ _id: 'a' }, { $inc: { n: 1 } })).toEqual({ _id: 'a', n: 2 });
    });

    it('are atomic: of many concurrent changes none is lost and a guarded transition has one winner', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'run', state: 'folding', n: 0, folds: [] });
      const results = await Promise.all(
        Array.from({ length: 40 }, async (_, i) => {
          const fold = i % 10;
          await docs.updateOne({ _id: 'run' }, { $inc: { n: 1 }, $addToSet: { folds: fold } });
          return docs.updateOne(
            { _id: 'run', state: 'folding', folds: { $size: 10 } },
            { $set: { state: 'joined' } },
          );
        }),
      );
      expect(results.filter((result) => result.modified === 1)).toHaveLength(1);
      const run = await docs.findOne({ _id: 'run' });
      expect(run).toMatchObject({ n: 40, state: 'joined' });
      expect(run?.['folds']).toHaveLength(10);
    });

    it('concurrent upserts of one _id make one document and lose no change', async () => {
      const docs = await collection();
      await Promise.all(
        Array.from({ length: 20 }, () => docs.updateOne({ _id: 'x' }, { $inc: { n: 1 } }, { upsert: true })),
      );
      expect(await docs.find()).toEqual([{ _id: 'x', n: 20 }]);
    });

    it('run an embedded outbox: entries go in with the state and come out one by one', async () => {
      const docs = await collection();
      await docs.updateOne(
        { _id: 'r' },
        {
          $set: { state: 'joined' },
          $push: {
            outbox: {
              $each: [
                { id: 'e1', body: 'x' },
                { id: 'e2', body: 'y' },
              ],
            },
          },
        },
        { upsert: true },
      );
      expect(await docs.find({ 'outbox.0': { $exists: true } })).toHaveLength(1);
      await docs.updateOne({ _id: 'r' }, { $pull: { outbox: { id: { $in: ['e1'] } } } });
      expect(await docs.findOne({ _id: 'r' })).toEqual({
        _id: 'r',
        state: 'joined',
        outbox: [{ id: 'e2', body: 'y' }],
      });
      await docs.updateOne({ _id: 'r' }, { $pull: { outbox: { id: 'e2' } } });
      expect(await docs.find({ 'outbox.0': { $exists: true } })).toEqual([]);
    });
  });
}

function without(update: Update): Update {
  const { $set, ...rest } = update;
  return rest;
}
