import { repeatEvery } from '@rookery/bus';
import type { Stop } from '@rookery/bus';

import { resumeClaimed } from './decide-run.js';
import { copyOutAll } from './pending-facts.js';
import type { Registry } from './ports.js';

/**
 * Finishes what an earlier life of this service left between two writes: decisions that are not copied out, runs that
 * are claimed and not decided. Call it before consuming. (What is decided and not announced is the outbox's.)
 */
export async function recover(registry: Registry): Promise<void> {
  const models = await copyOutAll(registry);
  const runs = await resumeClaimed(registry);
  if (models + runs > 0) registry.logger.info({ models, runs }, 'unfinished decisions completed');
}

/** Calls {@link recover} again every `everyMs`; the function returned stops it. */
export function startRecovery(registry: Registry, everyMs: number): Stop {
  return repeatEvery(everyMs, {
    work: () => recover(registry),
    failed: (error) => registry.logger.warn({ err: error }, 'recovery failed, will be tried again'),
  });
}
