import { TerminalError } from '@rookery/contracts';

import type { RunDocument } from '../domain/run-document.js';
import type { Projection } from '../domain/run-projection.js';
import type { Registry } from './ports.js';

/**
 * Writes an event's part into the document of its run and wakes the run's watchers; returns the document after it.
 * Applying the same projection again changes nothing. Throws RK_MESSAGE_MISSING_FIELD where the event names no run.
 */
export async function applyProjection(
  registry: Pick<Registry, 'collections' | 'changes'>,
  projection: Projection,
): Promise<RunDocument> {
  if (projection.runId === '') {
    throw new TerminalError('RK_MESSAGE_MISSING_FIELD', 'the event names no run', {
      details: { field: 'runId' },
    });
  }
  const run = await registry.collections.runs.findOneAndUpdate({ _id: projection.runId }, projection.update, {
    upsert: true,
  });
  if (!run) throw new TerminalError('RK_INTERNAL', `run ${projection.runId}: an upsert gave no document`);
  registry.changes.notify(projection.runId);
  return run;
}
