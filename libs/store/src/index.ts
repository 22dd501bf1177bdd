export type {
  Collection,
  CollectionOptions,
  Document,
  Filter,
  FindOptions,
  IndexSpec,
  InsertManyOptions,
  PushEach,
  Store,
  Update,
  UpdateOptions,
  UpdateResult,
} from './store.js';
export {
  DuplicateKeyError,
  StoreCorruptError,
  StoreError,
  StoreLockedError,
  StoreQueryError,
  StoreUnavailableError,
} from './errors.js';
export { openStore } from './open-store.js';
export type { OpenStoreOptions } from './open-store.js';
