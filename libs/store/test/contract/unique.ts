import { describe, expect, it } from 'vitest';
import { DuplicateKeyError } from '../../src/index.js';
import type { ContractContext } from './store-contract.js';

export function uniqueContract({ collection, deviates }: ContractContext): void {
  describe('unique indexes', () => {
    it('refuse a taken key on insert, update and upsert, naming the fields and changing nothing', async () => {
      const docs = await collection([{ fields: ['name'], unique: true }]);
      await docs.insertMany([
        { _id: 'a', name: 'x' },
        { _id: 'b', name: 'y' },
      ]);
      const duplicate = { code: 'RK_STORE_DUPLICATE', key: 'name' };
      await expect(docs.insertOne({ _id: 'c', name: 'x' })).rejects.toMatchObject(duplicate);
      await expect(docs.updateOne({ _id: 'b' }, { $set: { name: 'x' } })).rejects.toMatchObject(duplicate);
      await expect(
        docs.updateOne({ _id: 'c' }, { $set: { name: 'x' } }, { upsert: true }),
      ).rejects.toMatchObject(duplicate);
      expect(await docs.find()).toEqual([
        { _id: 'a', name: 'x' },
        { _id: 'b', name: 'y' },
      ]);
      await docs.deleteOne({ _id: 'a' });
      await docs.updateOne({ _id: 'b' }, { $set: { name: 'x' } });
      await docs.insertOne({ _id: 'd', name: 'y' });
    });

    it('hold for several fields together', async () => {
      const docs = await collection([{ fields: ['model', 'version.n'], unique: true }]);
      await docs.insertOne({ _id: 'a', model: 'm', version: { n: 1 } });
      await docs.insertOne({ _id: 'b', model: 'm', version: { n: 2 } });
      await expect(docs.insertOne({ _id: 'c', model: 'm', version: { n: 2 } })).rejects.toMatchObject({
        key: 'model,version.n',
      });
    });

    it('hold across the elements of arrays of sub-documents, not within one document', async () => {
      const docs = await collection([{ fields: ['folds.job'], unique: true, sparse: true }]);
      await docs.insertOne({ _id: 'a', folds: [{ job: 1 }, { job: 2 }, { job: 2 }] });
      await docs.insertOne({ _id: 'b', folds: [{ job: 3 }] });
      if (deviates('unique-elements')) return;
      await expect(docs.updateOne({ _id: 'b' }, { $push: { folds: { job: 2 } } })).rejects.toThrow(
        DuplicateKeyError,
      );
      await docs.updateOne({ _id: 'b' }, { $push: { folds: { job: '2' } } });
    });

    it('count a missing field as null, unless sparse', async () => {
      const docs = await collection([
        { fields: ['strict'], unique: true },
        { fields: ['loose'], unique: true, sparse: true },
      ]);
      await docs.insertOne({ _id: 'a' });
      await expect(docs.insertOne({ _id: 'b', strict: null })).rejects.toMatchObject({ key: 'strict' });
      await docs.insertOne({ _id: 'c', strict: 1 });
      await docs.insertOne({ _id: 'd', strict: 2, loose: null });
      await expect(docs.insertOne({ _id: 'e', strict: 3, loose: null })).rejects.toMatchObject({
        key: 'loose',
      });
    });

    it('are refused where documents already share a key', async () => {
      const docs = await collection();
      await docs.insertMany([
        { _id: 'a', name: 'x' },
        { _id: 'b', name: 'x' },
      ]);
      await expect(collection([{ fields: ['name'], unique: true }])).rejects.toThrow(
        /name|duplicate|already/i,
      );
      await docs.deleteOne({ _id: 'b' });
      await collection([{ fields: ['name'], unique: true }]);
      await expect(docs.insertOne({ _id: 'b', name: 'x' })).rejects.toThrow(DuplicateKeyError);
    });
  });
}
