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

/**
 * Where a stand-in for MongoDB is known to differ from it; no service relies on any of these.
 * - `array-ranges`: two bounds on an array must be met by one element, not by one each.
 * - `empty-document`: `{ sub: {} }` finds every document that has no `sub`, too.
 * - `unique-elements`: a unique index over array elements is not checked when an update adds an element.
 */
export type Deviation = 'array-ranges' | 'empty-document' | 'unique-elements';

/** Gives each test an empty collection of its own. */
export interface ContractContext {
  /** Whether the server under test is known to differ from MongoDB in this. */
  deviates(from: Deviation): boolean;
  collection(indexes?: readonly IndexSpec[]): Promise<Collection<Doc>>;
  store(): Store;
}

export function storeContract(
  adapter: string,
  open: () => Promise<{ store: Store; dispose(): Promise<void> }>,
  deviations: readonly Deviation[] = [],
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
      deviates: (from) => deviations.includes(from),
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
