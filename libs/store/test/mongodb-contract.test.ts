import { it } from 'vitest';
import { openStore } from '../src/index.js';
import { storeContract } from './contract/store-contract.js';

const mongodbUrl = process.env['MONGODB_URL'];

if (mongodbUrl === undefined || mongodbUrl === '') {
  it.skip('the store contract on MongoDB: skipped, MONGODB_URL is not set', () => undefined);
  process.stdout.write('store: the contract suite on MongoDB is skipped because MONGODB_URL is not set\n');
} else {
  // The stand-in of tests/mongodb says nothing of how it was built.
  const { MongoClient } = await import('mongodb');
  const client = await MongoClient.connect(mongodbUrl);
  const { gitVersion } = await client.db('admin').command({ buildInfo: 1 });
  await client.close();
  const standIn = gitVersion === undefined;
  const name = standIn ? 'a stand-in for MongoDB' : 'MongoDB';
  const deviations = standIn ? (['array-ranges', 'empty-document', 'unique-elements'] as const) : [];
  const open = async () => {
    const database = `rookery_contract_${process.pid}_${Math.floor(performance.now())}`;
    const store = await openStore({ mongodbUrl, directory: '', database });
    return {
      store,
      async dispose() {
        await store.close();
        const client = await MongoClient.connect(mongodbUrl);
        await client.db(database).dropDatabase();
        await client.close();
      },
    };
  };
  storeContract(name, open, deviations);
}
