import { describe, expect, it } from 'vitest';
import { DuplicateKeyError, StoreQueryError } from '../../src/index.js';
import type { ContractContext } from './store-contract.js';

export function documentContract({ collection, store }: ContractContext): void {
  describe('documents', () => {
    it('come back as they were stored, bytes and unusual keys and numbers included', async () => {
      const docs = await collection();
      const doc = {
        _id: 'a',
        text: 'Grüße 🐦\nline',
        nested: { list: [1, 2.5, -0.25, null, true, { deep: [] }], empty: {} },
        bytes: Uint8Array.from([0, 255, 10, 13]),
        'sepal.length': 5.1,
        columns: { 'a.b.c': { $weird: 1 }, '\uE000b': 'not bytes', $: 2, '': { '': 3 }, '\uE000z': 4 },
        loss: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
        large: Number.MAX_SAFE_INTEGER,
        small: 5e-324,
      };
      await docs.insertOne(doc);
      expect(await docs.findOne({ _id: 'a' })).toEqual(doc);
      expect((await docs.findOne({ _id: 'a' }))?.['bytes']?.constructor).toBe(Uint8Array);
    });

    it('may have any text as their _id', async () => {
      const docs = await collection();
      const ids = ['__proto__', 'constructor', ' ', '\0', '$set', 'a.b', '\ufeff', '🐦'];
      await docs.insertMany(ids.map((_id, n) => ({ _id, n })));
      await docs.updateOne({ _id: '__proto__' }, { $set: { more: true } });
      for (const [n, _id] of ids.entries()) expect(await docs.findOne({ _id })).toMatchObject({ _id, n });
      expect(await docs.findOne({ _id: '__proto__' })).toMatchObject({ more: true });
      expect(await docs.count({ _id: { $in: ids } })).toBe(ids.length);
      expect(await docs.deleteMany({ n: { $lt: 4 } })).toBe(4);
      expect((await docs.find({ _id: { $in: ids } })).map(({ _id }) => _id).sort()).toEqual(
        ids.slice(4).sort(),
      );
    });

    it('lose undefined fields, and undefined in an array becomes null', async () => {
      const docs = await collection();
      await docs.insertOne({
        _id: 'a',
        gone: undefined,
        list: [undefined, 1],
        kept: { x: undefined, y: null },
      });
      const found = await docs.findOne({ _id: 'a' });
      expect(found).toStrictEqual({ _id: 'a', list: [null, 1], kept: { y: null } });
    });

    it.each([
      ['a Date', new Date(0)],
      ['a Map', new Map()],
      ['a bigint', 1n],
      ['a function', () => 1],
      ['a Float32Array', new Float32Array(1)],
    ])('with %s are refused, naming the path', async (_, value) => {
      const docs = await collection();
      const failed = docs.insertOne({ _id: 'a', at: { x: [value] } });
      await expect(failed).rejects.toThrow(StoreQueryError);
      await expect(failed).rejects.toThrow(/at\.x\.0/);
      await expect(docs.updateOne({ _id: 'a' }, { $set: { v: value } }, { upsert: true })).rejects.toThrow(
        StoreQueryError,
      );
      expect(await docs.count()).toBe(0);
    });

    it('without a usable _id are refused', async () => {
      const docs = await collection();
      for (const _id of ['', undefined, 7] as unknown as string[]) {
        await expect(docs.insertOne({ _id })).rejects.toThrow(/_id/);
      }
    });

    it('are copies: changing an argument or a result changes nothing stored', async () => {
      const docs = await collection();
      const doc = { _id: 'a', list: [{ n: 1 }], bytes: Uint8Array.from([1]) };
      await docs.insertOne(doc);
      doc.list.push({ n: 2 });
      doc.bytes[0] = 9;
      const results = [
        await docs.findOne({ _id: 'a' }),
        (await docs.find({}))[0],
        await docs.findOneAndUpdate({ _id: 'a' }, { $set: { touched: true } }),
      ] as unknown as (typeof doc)[];
      for (const result of results) {
        result.list[0] = { n: 99 };
        result.bytes[0] = 99;
      }
      const item = { n: 3 };
      await docs.updateOne({ _id: 'a' }, { $push: { list: item } });
      item.n = 100;
      expect(await docs.findOne({ _id: 'a' })).toEqual({
        _id: 'a',
        list: [{ n: 1 }, { n: 3 }],
        bytes: Uint8Array.from([1]),
        touched: true,
      });
    });

    it('inserted twice fail with the key that is taken', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'a', v: 1 });
      const again = docs.insertOne({ _id: 'a', v: 2 });
      await expect(again).rejects.toThrow(DuplicateKeyError);
      await expect(again).rejects.toMatchObject({ code: 'RK_STORE_DUPLICATE', key: '_id' });
      expect(await docs.find()).toEqual([{ _id: 'a', v: 1 }]);
    });

    it('inserted together stop at the first duplicate, keeping those before it', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'b' });
      await expect(docs.insertMany([{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }])).rejects.toThrow(
        DuplicateKeyError,
      );
      expect((await docs.find()).map((doc) => doc._id)).toEqual(['a', 'b']);
    });

    it('inserted together can skip duplicates and tell how many are new', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'b', old: true });
      const inserted = await docs.insertMany([{ _id: 'a' }, { _id: 'b' }, { _id: 'c' }, { _id: 'c' }], {
        ignoreDuplicates: true,
      });
      expect(inserted).toBe(2);
      expect(await docs.find()).toEqual([{ _id: 'a' }, { _id: 'b', old: true }, { _id: 'c' }]);
      expect(await docs.insertMany([])).toBe(0);
    });

    it('are deleted one by one or all that match', async () => {
      const docs = await collection();
      await docs.insertMany(['a', 'b', 'c', 'd'].map((_id) => ({ _id, odd: _id === 'a' || _id === 'c' })));
      expect(await docs.deleteOne({ odd: true })).toBe(1);
      expect(await docs.deleteOne({ _id: 'none' })).toBe(0);
      expect(await docs.deleteMany({ odd: false })).toBe(2);
      expect(await docs.count()).toBe(1);
      expect(await docs.deleteMany({})).toBe(1);
    });

    it('of one name live in one collection', async () => {
      const one = await store().collection<{ _id: string }>('shared_name');
      const two = await store().collection<{ _id: string }>('shared_name');
      await one.deleteMany({});
      await one.insertOne({ _id: 'x' });
      expect(await two.count()).toBe(1);
      await expect(store().collection('../escape')).rejects.toThrow(StoreQueryError);
    });
  });
}
