import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import type { RookeryClient } from '@rookery/client';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { EndingSignal, Trouble } from './faults.js';
import type { History, LifeEnd, ModelRecord, RunRecord } from './history.js';
import type { ProcessEnd } from './world.js';

const states: Readonly<Partial<Record<RunState, RunRecord['state']>>> = {
  [RunState.RUN_STATE_PROMOTED]: 'promoted',
  [RunState.RUN_STATE_REJECTED]: 'rejected',
  [RunState.RUN_STATE_FAILED]: 'failed',
  [RunState.RUN_STATE_CANCELLED]: 'cancelled',
};

const page = 100;

/** What the registry and the replica answer now. */
export async function askServices(
  client: RookeryClient,
): Promise<Pick<History, 'runs' | 'models' | 'served' | 'droppedNow'>> {
  const runs: RunRecord[] = [];
  for (let offset = 0; ; offset += page) {
    const found = await client.runs({ limit: page, offset });
    runs.push(
      ...found.map(({ runId, state, version }) => ({
        runId,
        version,
        state: states[state] ?? ('open' as const),
      })),
    );
    if (found.length < page) break;
  }
  const names = (await client.models()).map(({ name }) => name);
  const models = await Promise.all(
    names.map(async (name): Promise<ModelRecord> => {
      const [{ model, versions }, history] = await Promise.all([
        client.model(name),
        client.aliasHistory(name),
      ]);
      return {
        name,
        latestVersion: model.latestVersion,
        champion: model.aliases.find(({ alias }) => alias === 'champion'),
        versions,
        history,
      };
    }),
  );
  const { models: served, capture } = await client.served();
  return { runs, models, served, droppedNow: capture?.dropped ?? 0 };
}

/** Time before the end of a replica in which the broker must have been in reach for its captures to be out. */
const reachMs = 10_000;

/** The ends of the inference process, with the drops that its log tells of. */
export function lifeEndsOf(
  ends: readonly ProcessEnd[],
  troubles: readonly Trouble[],
  dataDir: string,
): LifeEnd[] {
  const drops = dropLines(join(dataDir, 'logs/inference.log'));
  let before = 0;
  return ends
    .filter(({ name }) => name === 'inference')
    .map(({ timeMs, killed }) => {
      const from = before;
      before = timeMs;
      const told = drops.filter((line) => line.timeMs > from && line.timeMs <= timeMs);
      return {
        timeMs,
        how: killed ? ('killed' as const) : ('stopped' as const),
        dropped: Math.max(0, ...told.map(({ total }) => total)),
        cutOff: troubles.some(({ fromMs, toMs }) => fromMs <= timeMs && toMs >= timeMs - reachMs),
      };
    });
}

function dropLines(file: string): { timeMs: number; total: number }[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.includes('dropped_total'))
    .flatMap((line) => {
      try {
        const { time, dropped_total: total } = JSON.parse(line) as {
          time: string | number;
          dropped_total: number;
        };
        return [{ timeMs: new Date(time).getTime(), total }];
      } catch {
        // The last line of a killed process may be cut off.
        return [];
      }
    });
}

/** How long a service may take to end when it is told to. */
const endMs = 20_000;

/** Ends of processes that no signal of the suite explains. */
export function crashesOf(ends: readonly ProcessEnd[], signals: readonly EndingSignal[]): string[] {
  const open = [...signals];
  return ends.flatMap(({ name, timeMs, note }) => {
    const at = open.findIndex(
      (signal) => signal.name === name && signal.timeMs <= timeMs && timeMs - signal.timeMs < endMs,
    );
    if (at < 0) return [note];
    open.splice(at, 1);
    return [];
  });
}
