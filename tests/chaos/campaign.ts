import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { connectBus } from '@rookery/bus';
import type { Bus } from '@rookery/bus';
import { createRandom, deriveSeed } from '@rookery/tabular';

import { createAliasMovers } from './alias-movers.js';
import type { AliasMovers } from './alias-movers.js';
import { endingsOf } from './check-runs.js';
import { checkHistory } from './checker.js';
import type { Verdict } from './checker.js';
import type { DataSets } from './data-sets.js';
import { readDatabases } from './database-files.js';
import { openEventCopies } from './event-copies.js';
import type { EventCopies } from './event-copies.js';
import { createInjector } from './faults.js';
import type { Injector } from './faults.js';
import { askServices, crashesOf, lifeEndsOf } from './gather.js';
import { runOf } from './history.js';
import type { History, Published, Violation } from './history.js';
import { openLogReader } from './log-reader.js';
import type { LogReader } from './log-reader.js';
import { publishDataset } from './publishing.js';
import type { PlannedDataset, RoundPlan } from './schedule.js';
import { createTraffic } from './traffic.js';
import type { Traffic } from './traffic.js';
import { busyNow, untilAnswered } from './waiting.js';
import type { World } from './world.js';

/** Bounds of what a killed replica may lose: what the system is started with. */
export const capture = { bufferRows: 100_000, flushMs: 250 } as const;

const endingDeadlineMs = 150_000;
const convergenceMs = 20_000;
/** Longer than what was saved and not announced can wait for its outbox, which looks every 5 s. */
const quietMs = 15_000;
const readyDeadlineMs = 60_000;

/** The rounds on one system, with all that has been seen of it. */
export class Campaign {
  readonly injector: Injector;
  readonly copies: EventCopies;
  readonly traffic: Traffic;
  readonly movers: AliasMovers;
  readonly #world: World;
  readonly #bus: Bus;
  readonly #dataSets: DataSets;
  readonly #seed: number;
  readonly #events: LogReader;
  readonly #captures: LogReader;
  readonly #published: Published[] = [];
  readonly #known = new Set<string>();
  readonly #seedCopies: (round: number) => void;

  private constructor(
    parts: Pick<Campaign, 'injector' | 'copies' | 'traffic' | 'movers'> & {
      world: World;
      bus: Bus;
      dataSets: DataSets;
      seed: number;
      events: LogReader;
      seedCopies: (round: number) => void;
    },
  ) {
    this.injector = parts.injector;
    this.copies = parts.copies;
    this.traffic = parts.traffic;
    this.movers = parts.movers;
    this.#world = parts.world;
    this.#bus = parts.bus;
    this.#dataSets = parts.dataSets;
    this.#seed = parts.seed;
    this.#events = parts.events;
    this.#captures = openLogReader(parts.world.nats, 'ML_CAPTURES');
    this.#seedCopies = parts.seedCopies;
  }

  /** Connects to a running system; nothing is done to it yet. */
  static async open(
    world: World,
    dataSets: DataSets,
    seed: number,
    log: (line: string) => void,
  ): Promise<Campaign> {
    const bus = await connectBus({ url: world.client.addresses.nats, name: 'chaos' });
    let random = createRandom(seed);
    const copies = await openEventCopies(world.nats, () => random);
    const events = openLogReader(world.nats, 'ML_EVENTS');
    const movers = createAliasMovers(world.client);
    const injector = createInjector({ world, copies, movers, seed, log, earlier: () => events.messages });
    const traffic = createTraffic(world.replicas, 'alpha', dataSets.rows);
    const seedCopies = (round: number): void => {
      random = createRandom(deriveSeed(seed, 'copies', round));
    };
    return new Campaign({
      injector,
      copies,
      traffic,
      movers,
      world,
      bus,
      dataSets,
      seed,
      events,
      seedCopies,
    });
  }

  /** Makes a champion, so that predictions are answered from the first round on. */
  async begin(): Promise<readonly Violation[]> {
    await this.#publish(
      { kind: 'good', model: 'alpha', afterMs: 0, folds: 3, seed: 1, allowWorse: false },
      0,
      0,
    );
    return this.check();
  }

  /** Publishes and strikes as planned, waits for what comes of it, and gives the invariants that do not hold anew. */
  async play(plan: RoundPlan): Promise<readonly Violation[]> {
    this.#seedCopies(plan.round);
    this.copies.newRound();
    this.traffic.resume();
    await Promise.all([
      this.injector.strikeAll(plan),
      ...plan.datasets.map((planned, k) => this.#publish(planned, plan.round, k)),
    ]);
    await this.#world.ready(readyDeadlineMs);
    return this.check();
  }

  /** What does not hold anew once everything has come through, or after the deadline. */
  async check(): Promise<readonly Violation[]> {
    await this.#allEnded();
    await this.traffic.pause();
    const deadline = Date.now() + convergenceMs;
    for (;;) {
      const { violations } = await this.verdict();
      const fresh = violations.filter((violation) => !this.#known.has(keyOf(violation)));
      if (fresh.length === 0 || Date.now() > deadline) {
        for (const violation of fresh) this.#known.add(keyOf(violation));
        return fresh;
      }
      await sleep(300);
    }
  }

  /** The verdict on everything that happened so far. */
  async verdict(): Promise<Verdict> {
    return checkHistory(await untilAnswered(() => this.#history()));
  }

  /** Closes the connections; the system goes on. */
  async close(): Promise<void> {
    this.copies.close();
    this.traffic.close();
    await this.#bus.close();
  }

  async #publish(planned: PlannedDataset, round: number, k: number): Promise<void> {
    await sleep(planned.afterMs);
    const eventId = `chaos-${this.#seed}-${round}-${k}`;
    this.#published.push(await publishDataset(this.#bus, this.#dataSets, planned, eventId, round));
  }

  async #history(): Promise<History> {
    const [log, captures] = await Promise.all([this.#events.refresh(), this.#captures.refresh()]);
    const { ends, replicas, client, dataDir } = this.#world;
    return {
      ...(await askServices(client, replicas)),
      published: this.#published,
      log,
      captures,
      answers: this.traffic.answers,
      calls: this.traffic.calls(),
      moves: this.movers.acknowledged,
      databases: readDatabases(join(dataDir, 'store')),
      lifeEnds: lifeEndsOf(ends, this.injector.troubles, replicas),
      capture,
      crashes: crashesOf(ends, this.injector.signals),
    };
  }

  /** Number of events so far that a run could hang on: what traffic sets off does not count. */
  #eventsOfRuns(): number {
    return this.#events.messages.filter(({ subject }) => !/^ml\.(monitor|drift|prediction)\./.test(subject))
      .length;
  }

  /** Resolves when every data set has a final state, when nothing is left that could lead to one, or at the deadline. */
  async #allEnded(): Promise<void> {
    const deadline = Date.now() + endingDeadlineMs;
    let quietSince = Number.POSITIVE_INFINITY;
    while (Date.now() < deadline && Date.now() - quietSince < quietMs) {
      const before = this.#eventsOfRuns();
      const endings = endingsOf(await this.#events.refresh().catch(() => this.#events.messages));
      if (this.#published.every((published) => endings.has(runOf(published)))) return;
      const busy = await busyNow(this.#world.nats).catch(() => ['no answer']);
      const quiet = busy.length === 0 && this.#eventsOfRuns() === before;
      quietSince = quiet ? Math.min(quietSince, Date.now()) : Number.POSITIVE_INFINITY;
      await sleep(300);
    }
  }
}

function keyOf({ invariant, subject }: Violation): string {
  return `${invariant}\n${subject}`;
}
