import { setTimeout as sleep } from 'node:timers/promises';

import { createRandom, deriveSeed } from '@rookery/tabular';

import type { AliasMovers } from './alias-movers.js';
import { createBrokerLimit } from './broker-limit.js';
import type { EventCopies } from './event-copies.js';
import type { StoredMessage } from './history.js';
import type { Fault, RoundPlan, Strike } from './schedule.js';
import { describe } from './schedule.js';
import type { World } from './world.js';

/** A time in which the services could not rely on reaching the broker, milliseconds. */
export interface Trouble {
  readonly fromMs: number;
  toMs: number;
}

/** A signal that ends a process. */
export interface EndingSignal {
  readonly name: string;
  readonly timeMs: number;
}

/** Strikes the system as planned, and remembers what it did. */
export interface Injector {
  readonly troubles: readonly Trouble[];
  readonly signals: readonly EndingSignal[];
  injected(): number;
  /** Faults that struck at their stage, as `kind stage`. */
  readonly struck: readonly string[];
  /** Strikes as the plan says; resolves when every fault is over. */
  strikeAll(plan: RoundPlan): Promise<void>;
}

/** A stage that a struck run never comes to does not hold the round up for longer. */
const stageDeadlineMs = 15_000;
/** A broker that ended is taken to be back after so long. */
const brokerBackMs = 6_000;

/** Composes an injector; `earlier` gives the stored events that may come again. */
export function createInjector(parts: {
  readonly world: World;
  readonly copies: EventCopies;
  readonly movers: AliasMovers;
  readonly seed: number;
  readonly earlier: () => readonly StoredMessage[];
  readonly log: (line: string) => void;
}): Injector {
  const { world, copies, movers, seed, earlier, log } = parts;
  const brokerLimit = createBrokerLimit(world.nats);
  const full = new Map<string, number>();
  const struckAt: string[] = [];
  const troubles: Trouble[] = [];
  const signals: EndingSignal[] = [];
  let injected = 0;

  const inTrouble = async (during: () => Promise<void>, afterMs = 500): Promise<void> => {
    const trouble: Trouble = { fromMs: Date.now(), toMs: Number.POSITIVE_INFINITY };
    troubles.push(trouble);
    await during();
    trouble.toMs = Date.now() + afterMs;
  };
  const end = (target: string, signal: 'SIGKILL' | 'SIGTERM'): boolean => {
    signals.push({ name: target, timeMs: Date.now() });
    if (world.process(target).kill(signal)) return true;
    signals.pop();
    return false;
  };
  const inject = async (fault: Fault, round: number): Promise<boolean> => {
    switch (fault.kind) {
      case 'kill':
      case 'term': {
        const struck = end(fault.target, fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        if (fault.target === 'nats-server') await inTrouble(() => Promise.resolve(), brokerBackMs);
        return struck;
      }
      case 'pause': {
        const process = world.process(fault.target);
        const pause = async (): Promise<void> => {
          process.kill('SIGSTOP');
          await sleep(fault.ms);
          process.kill('SIGCONT');
        };
        await (fault.target === 'nats-server' ? inTrouble(pause) : pause());
        return true;
      }
      case 'cut':
      case 'delay':
      case 'lose-acks':
      case 'reorder':
        await inTrouble(async () => {
          const draw = createRandom(deriveSeed(seed, fault.kind, round));
          const random = (): number => draw.integer(1_000_000) / 1_000_000;
          if (fault.kind === 'cut') world.proxy.cut();
          else if (fault.kind === 'delay') world.proxy.delay(fault.latencyMs);
          else if (fault.kind === 'lose-acks') world.proxy.loseAcks(fault.share, random);
          else world.proxy.reorder(fault.spreadMs, random);
          await sleep(fault.ms);
          world.proxy.heal();
        }, 3_000);
        return true;
      case 'repeat':
        copies.repeat(true);
        await sleep(fault.ms);
        copies.repeat(false);
        return true;
      case 'redeliver':
        copies.redeliver(fault.spreadMs);
        await sleep(fault.ms);
        copies.redeliver(undefined);
        await sleep(fault.spreadMs);
        return true;
      case 'late': {
        const random = createRandom(deriveSeed(seed, 'late', round));
        await copies.again(random.shuffle([...earlier()]).slice(0, fault.count));
        return true;
      }
      case 'skew':
        world.surround(fault.target, { clockMs: fault.clockMs });
        return true;
      case 'disk-full': {
        const { target } = fault;
        full.set(target, (full.get(target) ?? 0) + 1);
        world.surround(target, { diskFull: true });
        await sleep(fault.ms);
        full.set(target, (full.get(target) ?? 0) - 1);
        if (full.get(target) === 0) world.surround(target, { diskFull: false });
        return true;
      }
      case 'broker-full':
        await inTrouble(async () => {
          await brokerLimit.fill();
          await sleep(fault.ms);
          await brokerLimit.empty();
        }, 3_000);
        return true;
      case 'race':
        await movers.race('alpha', fault, createRandom(deriveSeed(seed, 'race', round)));
        return true;
    }
  };
  const strike = async (planned: Strike, round: number): Promise<void> => {
    const seen = await copies.seen(planned.stage, planned.occurrence, stageDeadlineMs);
    await sleep(planned.afterMs);
    const struck = await inject(planned.fault, round);
    if (struck) injected += 1;
    if (struck && seen) struckAt.push(`${planned.fault.kind} ${planned.stage}`);
    log(
      `  ${describe(planned)}${struck ? '' : ' (it was not running)'}${seen ? '' : ' (the stage did not come)'}`,
    );
  };
  return {
    troubles,
    signals,
    injected: () => injected,
    struck: struckAt,
    async strikeAll({ strikes, round }) {
      await Promise.all(strikes.map((planned) => strike(planned, round)));
      world.proxy.heal();
    },
  };
}
