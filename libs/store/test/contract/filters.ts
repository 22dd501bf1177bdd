import { describe, expect, it } from 'vitest';
import { StoreQueryError, type Filter } from '../../src/index.js';
import type { ContractContext, Deviation, Doc } from './store-contract.js';

const items: Doc[] = [
  {
    _id: 'a',
    n: 1,
    s: 'x',
    tags: ['red', 'blue'],
    sub: { v: 1 },
    rows: [
      { id: 1, ok: true },
      { id: 2, ok: false },
    ],
  },
  { _id: 'b', n: 2, s: 'y', tags: [], sub: { v: null }, rows: [{ id: 3, ok: true }] },
  { _id: 'c', n: null, s: 'z', tags: ['red'], sub: {}, rows: [] },
  { _id: 'd', s: 'x', scores: [2, 9], rows: [{ id: 1, ok: false, parts: [{ k: 'p' }, { k: 'q' }] }] },
  { _id: 'e', n: '2', tags: 'red' },
  { _id: 'f', n: [1, 2], nested: { a: 1, b: [1, 2] }, flag: false },
];

/** Filter and the documents MongoDB finds with it. */
const cases: [Filter, string, Deviation?][] = [
  [{}, 'abcdef'],
  [{ n: 2 }, 'bf'],
  [{ n: { $eq: 1 } }, 'af'],
  [{ n: null }, 'cd'],
  [{ n: { $ne: null } }, 'abef'],
  [{ n: { $ne: 1 } }, 'bcde'],
  [{ n: { $gt: 1 } }, 'bf'],
  [{ n: { $gte: 1, $lt: 2 } }, 'af'],
  [{ n: { $lte: 1 } }, 'af'],
  [{ n: { $in: [1, '2'] } }, 'aef'],
  [{ n: { $in: [null] } }, 'cd'],
  [{ n: { $nin: [1, null] } }, 'be'],
  [{ n: { $exists: true } }, 'abcef'],
  [{ n: { $exists: false } }, 'd'],
  [{ n: [1, 2] }, 'f'],
  [{ flag: false }, 'f'],
  [{ flag: { $ne: false } }, 'abcde'],
  [{ s: { $gt: 'x' } }, 'bc'],
  [{ s: 'x', n: 1 }, 'a'],
  [{ tags: 'red' }, 'ace'],
  [{ tags: { $ne: 'red' } }, 'bdf'],
  [{ tags: { $nin: ['blue'] } }, 'bcdef'],
  [{ tags: { $size: 0 } }, 'b'],
  [{ tags: { $size: 2 } }, 'a'],
  [{ tags: { $not: { $size: 0 } } }, 'acdef'],
  [{ tags: ['red'] }, 'c'],
  [{ tags: [] }, 'b'],
  [{ 'tags.0': 'red' }, 'ac'],
  [{ scores: { $gt: 8, $lt: 3 } }, 'd', 'array-ranges'],
  [{ scores: { $elemMatch: { $gt: 8, $lt: 3 } } }, ''],
  [{ scores: { $elemMatch: { $gt: 1, $lt: 3 } } }, 'd'],
  [{ 'sub.v': 1 }, 'a'],
  [{ 'sub.v': null }, 'bcdef'],
  [{ 'sub.v': { $exists: true } }, 'ab'],
  [{ sub: { v: 1 } }, 'a'],
  [{ sub: {} }, 'c', 'empty-document'],
  [{ 'rows.id': 1 }, 'ad'],
  [{ 'rows.id': { $ne: 1 } }, 'bcef'],
  [{ 'rows.id': { $in: [2, 3] } }, 'ab'],
  [{ 'rows.1.id': 2 }, 'a'],
  [{ 'rows.parts': { $exists: true } }, 'd'],
  [{ 'rows.parts.k': 'q' }, 'd'],
  [{ rows: { $elemMatch: { id: 1, ok: true } } }, 'a'],
  [{ rows: { $elemMatch: { id: { $gte: 2 }, ok: true } } }, 'b'],
  [{ rows: { $elemMatch: { $or: [{ id: 3 }, { ok: false }] } } }, 'abd'],
  [{ rows: { $not: { $elemMatch: { ok: true } } } }, 'cdef'],
  [{ 'nested.b': 2 }, 'f'],
  [{ nested: { a: 1, b: [1, 2] } }, 'f'],
  [{ $or: [{ n: 1 }, { s: 'y' }] }, 'abf'],
  [{ $and: [{ s: 'x' }, { n: { $exists: false } }] }, 'd'],
  [{ $or: [{ $and: [{ n: 1 }, { s: 'x' }] }, { _id: 'e' }], s: { $not: { $eq: 'x' } } }, 'e'],
  [{ n: { $not: { $gt: 1 } } }, 'acde'],
  [{ _id: { $in: ['a', 'zz', 'c'] } }, 'ac'],
  [{ _id: { $gt: 'c', $lte: 'e' } }, 'de'],
  [{ _id: 'a', n: 2 }, ''],
];

export function filterContract({ collection, deviates }: ContractContext): void {
  describe('filters', () => {
    it.each([
      ['without indexes', []],
      [
        'with indexes',
        ['n', 's', 'tags', 'scores', 'rows.id', 'sub.v'].map((field) => ({ fields: [field] })),
      ],
    ])('mean what they mean in MongoDB, %s', async (_, indexes) => {
      const docs = await collection(indexes);
      await docs.insertMany(items);
      const wrong: string[] = [];
      for (const [filter, ids, deviation] of cases) {
        if (deviation && deviates(deviation)) continue;
        const found = (await docs.find(filter)).map((doc) => doc._id).join('');
        const count = await docs.count(filter);
        const one = await docs.findOne(filter);
        if (found !== ids || count !== ids.length || (one === null) !== (ids === '')) {
          wrong.push(`${JSON.stringify(filter)} finds '${found}' instead of '${ids}', count ${count}`);
        }
      }
      expect(wrong).toEqual([]);
    });

    it.each<[string, Filter]>([
      ['undefined', { n: undefined }],
      ['undefined in an operator', { n: { $gt: undefined } }],
      ['an unknown operator', { n: { $regex: 'x' } }],
      ['code', { $where: 'true' }],
      ['operators mixed with fields', { n: { $gt: 1, x: 2 } }],
      ['an empty $or', { $or: [] }],
      ['$in without an array', { n: { $in: 1 } }],
      ['an operator as a path', { 'a.$.b': 1 }],
    ])('with %s are refused', async (_, filter) => {
      const docs = await collection();
      await expect(docs.find(filter)).rejects.toThrow(StoreQueryError);
      await expect(docs.deleteMany(filter)).rejects.toThrow(StoreQueryError);
    });

    it('find bytes by equality', async () => {
      const docs = await collection();
      await docs.insertMany([
        { _id: 'a', b: Uint8Array.from([1, 2]) },
        { _id: 'b', b: Uint8Array.from([1, 3]) },
      ]);
      expect((await docs.find({ b: Uint8Array.from([1, 3]) })).map((doc) => doc._id)).toEqual(['b']);
    });
  });
}
