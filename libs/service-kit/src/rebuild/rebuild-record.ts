import type { Store } from '@rookery/store';

/** What is known of the last rebuild; kept in the database that it vouches for, so that it is lost with it. */
export interface RebuildRecord {
  _id: string;
  /** `rebuilding` from before the first event is read until the last one is taken in. */
  state: 'rebuilding' | 'rebuilt';
  reason: string;
  startedAtMs: number;
  endedAtMs: number;
  /** Events taken in, and events that could not be. */
  events: number;
  skipped: number;
  /** Last sequence that was read, by stream. */
  through: Record<string, number>;
}

/** The record of a database. */
export interface RebuildRecords {
  read(): Promise<RebuildRecord | undefined>;
  begin(reason: string, startedAtMs: number): Promise<void>;
  end(outcome: Omit<RebuildRecord, '_id' | 'state'>): Promise<RebuildRecord>;
}

/** Collection that holds the record. Remove it, and the next start rebuilds the database. */
export const rebuildCollection = 'rebuild';
const _id = 'log';

/** Opens the record of a database. */
export async function openRebuildRecord(store: Store): Promise<RebuildRecords> {
  const records = await store.collection<RebuildRecord>(rebuildCollection);
  const write = async (record: Omit<RebuildRecord, '_id'>): Promise<void> => {
    await records.updateOne({ _id }, { $set: { ...record } }, { upsert: true });
  };
  return {
    read: async () => (await records.findOne({ _id })) ?? undefined,
    begin: (reason, startedAtMs) =>
      write({ state: 'rebuilding', reason, startedAtMs, endedAtMs: 0, events: 0, skipped: 0, through: {} }),
    end: async (outcome) => {
      const record = { ...outcome, state: 'rebuilt' as const };
      await write(record);
      return { _id, ...record };
    },
  };
}
