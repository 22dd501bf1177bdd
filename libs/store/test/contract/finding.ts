import { describe, expect, it } from 'vitest';
import type { ContractContext } from './store-contract.js';

export function findContract({ collection }: ContractContext): void {
  describe('finding', () => {
    it('sorts by several keys and breaks ties by _id, so that pages never overlap', async () => {
      const docs = await collection();
      const ids = ['k', 'c', 'a', 'j', 'b', 'i', 'd', 'h'];
      await docs.insertMany(ids.map((_id, i) => ({ _id, group: i % 2, sub: { n: Math.floor(i / 4) } })));
      const order = { group: -1, 'sub.n': 1 } as const;
      const all = (await docs.find({}, { sort: order })).map((doc) => doc._id);
      expect(all.join('')).toBe('cjhiakbd');
      const pages: string[] = [];
      for (let skip = 0; skip < 8; skip += 3) {
        pages.push(...(await docs.find({}, { sort: order, skip, limit: 3 })).map((doc) => doc._id));
      }
      expect(pages).toEqual(all);
      expect((await docs.find()).map((doc) => doc._id)).toEqual([...ids].sort());
    });

    it('sorts missing and null first, then numbers, strings, objects, booleans; arrays by their extreme', async () => {
      const docs = await collection();
      await docs.insertMany([
        { _id: 'bool', v: true },
        { _id: 'obj', v: { a: 1 } },
        { _id: 'str', v: 'a' },
        { _id: 'num', v: 5 },
        { _id: 'arr', v: [9, 1] },
        { _id: 'null', v: null },
        { _id: 'none' },
      ]);
      const up = (await docs.find({}, { sort: { v: 1 } })).map((doc) => doc._id);
      expect(up).toEqual(['none', 'null', 'arr', 'num', 'str', 'obj', 'bool']);
      const down = (await docs.find({}, { sort: { v: -1 } })).map((doc) => doc._id);
      expect(down).toEqual(['bool', 'obj', 'str', 'arr', 'num', 'none', 'null']);
    });

    it('shows only the fields asked for', async () => {
      const docs = await collection();
      await docs.insertOne({ _id: 'a', x: 1, sub: { p: 1, q: 2 }, rows: [{ id: 1, body: 'b' }, { id: 2 }] });
      const shown = async (projection: Record<string, 0 | 1>): Promise<unknown> =>
        (await docs.find({}, { projection }))[0];
      expect(await shown({ x: 1 })).toEqual({ _id: 'a', x: 1 });
      expect(await shown({ x: 1, _id: 0 })).toEqual({ x: 1 });
      expect(await shown({ 'sub.p': 1, 'rows.id': 1 })).toEqual({
        _id: 'a',
        sub: { p: 1 },
        rows: [{ id: 1 }, { id: 2 }],
      });
      expect(await shown({ 'rows.body': 0, sub: 0 })).toEqual({
        _id: 'a',
        x: 1,
        rows: [{ id: 1 }, { id: 2 }],
      });
      expect(await shown({})).toEqual(await docs.findOne({ _id: 'a' }));
    });
  });
}
