import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from '../src/index.js';
import { storeContract } from './contract/store-contract.js';

storeContract('the embedded adapter', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'store-'));
  const store = await openStore({ directory, database: 'contract' });
  return {
    store,
    async dispose() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});
