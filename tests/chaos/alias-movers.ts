import type { RookeryClient } from '@rookery/client';
import type { Random } from '@rookery/tabular';

import type { AcknowledgedMove } from './history.js';

/** People and tools who move the champion, all at once. */
export interface AliasMovers {
  /** Moves that a caller was told to have happened. */
  readonly acknowledged: readonly AcknowledgedMove[];
  /** Calls that were refused or failed, by code. */
  readonly refusals: ReadonlyMap<string, number>;
  /** So many callers who have all seen the same champion move it; again, `times` times. Never rejects. */
  race(
    model: string,
    plan: { readonly callers: number; readonly times: number },
    random: Random,
  ): Promise<void>;
}

/** Movers that use the registry's API, as anybody does. */
export function createAliasMovers(client: RookeryClient): AliasMovers {
  const acknowledged: AcknowledgedMove[] = [];
  const refusals = new Map<string, number>();
  const counted = async <T>(call: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      const code = String((error as { code?: unknown }).code);
      refusals.set(code, (refusals.get(code) ?? 0) + 1);
      return undefined;
    }
  };
  const once = async (model: string, callers: number, random: Random): Promise<void> => {
    const seen = await counted(() => client.model(model));
    const champion = seen?.model.aliases.find(({ alias }) => alias === 'champion');
    if (seen === undefined || champion === undefined) return;
    const told = (alias: { revision: number; version: number } | undefined): void => {
      if (alias) acknowledged.push({ model, revision: alias.revision, version: alias.version });
    };
    const by = { model, actor: 'chaos', reason: 'race' };
    const calls = Array.from({ length: callers }, (_, k) => {
      const back = random.integer(4) === 0;
      const { version = 1 } = seen.versions[random.integer(seen.versions.length)] ?? {};
      return counted(async () => {
        if (back) told((await client.rollBack({ ...by, actor: `chaos-${k}` })).alias);
        else
          told(
            await client.setAlias({
              ...by,
              alias: 'champion',
              version,
              expectedRevision: champion.revision,
              actor: `chaos-${k}`,
            }),
          );
      });
    });
    await Promise.all(calls);
  };
  return {
    acknowledged,
    refusals,
    async race(model, { callers, times }, random) {
      for (let time = 0; time < times; time += 1) await once(model, callers, random);
    },
  };
}
