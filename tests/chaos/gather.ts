import { existsSync, readFileSync } from 'node:fs';

import type { RookeryClient } from '@rookery/client';
import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

import type { EndingSignal, Trouble } from './faults.js';
import type { History, LifeEnd, ModelRecord, RunRecord } from './history.js';
import type { ProcessEnd, Replica } from './world.js';

const states: Readonly<Partial<Record<RunState, RunRecord['state']>>> = {
  [RunState.RUN_STATE_PROMOTED]: 'promoted',
  [RunState.RUN_STATE_REJECTED]: 'rejected',
  [RunState.RUN_STATE_FAILED]: 'failed',
  [RunState.RUN_STATE_CANCELLED]: 'cancelled',
};

const page = 100;

/** What the registry and the replicas answer now. */
export async function askServices(
  client: RookeryClient,
  replicas: readonly Pick<Replica, 'name' | 'client'>[],
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
  const told = await Promise.all(
    replicas.map(async (replica) => ({ ...(await replica.client.served()), replica: replica.name })),
  );
  return {
    runs,
    models,
    served: told.flatMap(({ replica, models: served }) =>
      served.map(({ model, version, aliasRevision: revision }) => ({ replica, model, version, revision })),
    ),
    droppedNow: Object.fromEntries(told.map(({ replica, capture }) => [replica, capture?.dropped ?? 0])),
  };
}

/** Time before the end of a replica in which the broker must have been in reach for its captures to be out. */
const reachMs = 10_000;

/** The ends of the processes that answer predictions, with the drops that their logs tell of. */
export function lifeEndsOf(
  ends: readonly ProcessEnd[],
  troubles: readonly Trouble[],
  replicas: readonly Pick<Replica, 'name' | 'logFile'>[],
): LifeEnd[] {
  return replicas.flatMap(({ name: replica, logFile }) => {
    const own = ends.filter(({ name }) => name === replica);
    const lives = own.length === 0 ? [] : livesIn(logFile);
    return own.map(({ timeMs, killed }) => ({
      replica,
      timeMs,
      how: killed ? ('killed' as const) : ('stopped' as const),
      dropped: lives.findLast(({ startMs }) => startMs <= timeMs)?.dropped ?? 0,
      cutOff: troubles.some(({ fromMs, toMs }) => fromMs <= timeMs && toMs >= timeMs - reachMs),
    }));
  });
}

/** The lives of a process as its log tells them apart, each with the last count of drops that it said. */
function livesIn(file: string): { startMs: number; dropped: number }[] {
  const lives: { startMs: number; dropped: number }[] = [];
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  for (const line of lines) {
    if (!line.includes('chaosLife') && !line.includes('dropped_total')) continue;
    try {
      const said = JSON.parse(line) as { realMs?: number; dropped_total?: number };
      const current = lives.at(-1);
      if (said.realMs !== undefined) lives.push({ startMs: said.realMs, dropped: 0 });
      else if (current) current.dropped = Math.max(current.dropped, said.dropped_total ?? 0);
    } catch {
      // The last line of a killed process may be cut off.
    }
  }
  return lives;
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
