/** What every adapter of the store guarantees. Runs against each of them; a new adapter only has to pass it. */
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import type { Collection, IndexSpec, Store } from '../../src/index.js';
import { documentContract } from './documents.js';
import { filterContract } from './filters.js';
import { findContract } from './finding.js';
import { uniqueContract } from './unique.js';
import { updateContract } from './updates.js';

export interface Doc {
  _id: string;
  [field: string]: unknown;
}

/** Gives each test an empty collection of its own. */
export interface ContractContext {
  collection(indexes?: readonly IndexSpec[]): Promise<Collection<Doc>>;
  store(): Store;
}

export function storeContract(
  adapter: string,
  open: () => Promise<{ store: Store; dispose(): Promise<void> }>,
): void {
  describe(`the store contract on ${adapter}`, () => {
    let opened: { store: Store; dispose(): Promise<void> };
    let next = 0;
    const run = `c${process.pid}${Math.floor(performance.now())}`;
    beforeAll(async () => {
      opened = await open();
    });
    beforeEach(() => {
      next += 1;
    });
    afterAll(async () => opened.dispose());
    const context: ContractContext = {
      collection: (indexes) => opened.store.collection<Doc>(`${run}_${next}`, indexes ? { indexes } : {}),
      store: () => opened.store,
    };
    documentContract(context);
    filterContract(context);
    findContract(context);
    updateContract(context);
    uniqueContract(context);
  });
}
