/** The part of the embedded engine that this package uses, with the engine's options in one place. */
import nedb from '@seald-io/nedb';
import type { StoredDocument } from '../codec.js';
import type { AppendFile } from './append-file.js';

export interface Engine {
  loadDatabaseAsync(): Promise<void>;
  compactDatafileAsync(): Promise<void>;
  getAllData(): StoredDocument[];
  ensureIndexAsync(options: { fieldName: string; unique?: boolean; sparse?: boolean }): Promise<void>;
  removeIndexAsync(fieldName: string): Promise<void>;
  insertAsync(docs: StoredDocument | StoredDocument[]): Promise<unknown>;
  findAsync(query: object): PromiseLike<StoredDocument[]>;
  updateAsync(query: object, replacement: StoredDocument): Promise<unknown>;
  removeAsync(query: object, options: { multi: boolean }): Promise<number>;
  readonly indexes: Readonly<Record<string, { unique: boolean; sparse: boolean }>>;
  /** Writes documents, removals and indexes: one line each. */
  readonly persistence: { persistNewStateAsync(lines: readonly object[]): Promise<void> };
}

interface EngineOptions {
  filename: string;
  /** Share of damaged lines that is passed over, and lost for good by the next compaction. */
  corruptAlertThreshold: number;
  afterSerialization(line: string): string;
  beforeDeserialization(line: string): string;
}

/**
 * An engine over one file, not yet loaded. What it adds to the file goes through `file`; compactions replace the file by
 * themselves. `onLine` learns the length of every line written, compactions included.
 */
export function createEngine(filename: string, file: AppendFile, onLine: (length: number) => void): Engine {
  const Datastore = nedb as unknown as new (options: EngineOptions) => Engine;
  const engine = new Datastore({
    filename,
    // None: an unfinished last line is cut off before loading, so any damage left is real and must not be compacted away.
    corruptAlertThreshold: 0,
    afterSerialization(line) {
      onLine(line.length + 1);
      return line;
    },
    beforeDeserialization: (line) => line,
  });
  // The engine's own way opens and closes the file for every write, and looks at every value for dates and keys that the
  // codec never lets in.
  engine.persistence.persistNewStateAsync = async (lines) => {
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    onLine(text.length);
    file.append(text);
  };
  return engine;
}

/** The key the engine refused, where the error is a violated unique index. */
export function violatedKey(error: unknown): { key: unknown } | undefined {
  const { errorType, key } = error as { errorType?: string; key?: unknown };
  return errorType === 'uniqueViolated' ? { key } : undefined;
}
