import type { Bus } from '@rookery/bus';
import { decodePayload } from '@rookery/bus';
import { events } from '@rookery/contracts';
import type { Reproduction } from '@rookery/proto/rookery/registry/v1/registry';

/** A reproduction that is being followed. */
export interface ReproductionWatch {
  /** Resolves with the reproduction when every job of it is compared, or could not be. */
  ended(reproductionId: string): Promise<Reproduction>;
  stop(): Promise<void>;
}

/**
 * Follows the reproductions of a run, live: start it before asking for one, so that its end is not missed. `read` gives a
 * reproduction as it stands.
 */
export async function watchReproductions(
  bus: Pick<Bus, 'tail'>,
  runId: string,
  read: (reproductionId: string) => Promise<Reproduction>,
): Promise<ReproductionWatch> {
  const ended = new Set<string>();
  const waiting = new Map<string, () => void>();
  const stop = await bus.tail([events.runReproduced.subject(runId)], ({ raw }) => {
    const { reproductionId } = decodePayload(events.runReproduced, raw);
    ended.add(reproductionId);
    waiting.get(reproductionId)?.();
  });
  return {
    async ended(reproductionId) {
      const found = await read(reproductionId);
      if (found.state !== 'training') return found;
      if (!ended.has(reproductionId))
        await new Promise<void>((resolve) => waiting.set(reproductionId, resolve));
      return read(reproductionId);
    },
    stop,
  };
}
