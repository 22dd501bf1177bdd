import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Databases } from './history.js';

interface Stored {
  readonly _id: string;
  readonly [field: string]: unknown;
}

/**
 * Reads the databases of the services from their files, past the services and the store's own code: one document a line,
 * the last line of an id counts.
 */
export function readDatabases(storeDir: string): Databases {
  const collection = (service: string, name: string): Stored[] =>
    documentsOf(join(storeDir, service, `${name}.db`));
  const services = existsSync(storeDir) ? readdirSync(storeDir) : [];
  const unannounced = services.flatMap((service) =>
    readdirSync(join(storeDir, service))
      .filter((file) => file.endsWith('.db'))
      .flatMap((file) =>
        documentsOf(join(storeDir, service, file)).flatMap(({ _id, outbox, pending }) => {
          const left = [outbox, pending].flatMap((list) => (Array.isArray(list) ? (list as unknown[]) : []));
          return left.length === 0 ? [] : [`${service}/${file}: ${_id} has ${left.length} entries`];
        }),
      ),
  );
  return {
    unannounced,
    aliasChanges: collection('registry', 'alias_changes').map((change) => ({
      model: String(change['model']),
      alias: String(change['alias']),
      revision: Number(change['revision']),
      version: Number(change['version']),
    })),
    versions: collection('registry', 'versions').map((version) => ({
      model: String(version['model']),
      version: Number(version['version']),
      runId: String(version['runId']),
    })),
    evaluations: collection('evaluator', 'evaluations').map(({ _id, folds, joined }) => ({
      runId: _id,
      joined: joined === true,
      folds: Object.keys(folds ?? {}).map(Number),
    })),
    keptPredictions: collection('monitor', 'captures').flatMap(({ predictions }) =>
      ((predictions ?? []) as { id: string }[]).map(({ id }) => id),
    ),
  };
}

function documentsOf(file: string): Stored[] {
  if (!existsSync(file)) return [];
  const documents = new Map<string, Stored>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    if (line === '') continue;
    let stored: Stored & { readonly $$deleted?: boolean };
    try {
      stored = JSON.parse(line) as typeof stored;
    } catch {
      // Torn by a process that died, or not yet written to its end; what comes behind it counts all the same.
      continue;
    }
    if (stored.$$deleted === true) documents.delete(stored._id);
    else if (typeof stored._id === 'string') documents.set(stored._id, stored);
  }
  return [...documents.values()];
}
