import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { events } from '@rookery/contracts';

import { inFolder } from '../suite/suite-run.js';
import type { SuiteRun } from '../suite/suite-run.js';
import { tellViolations } from '../suite/violations.js';
import { buildBroken } from './broken-services.js';
import type { Break } from './broken-services.js';
import { Campaign, capture } from './campaign.js';
import type { CaptureAccount } from './check-predictions.js';
import { coverageTable } from './coverage.js';
import { writeDataSets } from './data-sets.js';
import type { Violation } from './history.js';
import { openLogReader } from './log-reader.js';
import { faultKinds, planRound } from './schedule.js';
import type { FaultKind } from './schedule.js';
import { untilAnswered, untilIdle } from './waiting.js';
import { startWorld } from './world.js';
import type { World } from './world.js';

/** What to do to the system. */
export interface ChaosOptions extends SuiteRun {
  readonly rounds: number;
  readonly seed: number;
  /** Number of the first round; default 1. A round has the same plan wherever the run begins. */
  readonly from?: number;
  /** Faults to choose from; default all. */
  readonly kinds?: readonly FaultKind[];
  /** Runs services that are broken in this way, and stops at the first violation. */
  readonly broken?: Break;
}

/** What came of it. */
export interface ChaosReport {
  readonly rounds: number;
  readonly seed: number;
  /** Faults that struck. */
  readonly faults: number;
  readonly violations: readonly Violation[];
  readonly captures: CaptureAccount;
  readonly deadLetters: number;
}

const idleDeadlineMs = 120_000;
const ackWaitMs = 5_000;

/**
 * Starts a whole system, publishes data sets and asks for predictions while faults strike it, and holds what happened
 * against the invariants after each round and once more at the end. Throws only where the suite itself can't go on.
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { root, log, broken } = options;
  const env = {
    ROOKERY_CAPTURE_FLUSH_MS: String(capture.flushMs),
    ROOKERY_CAPTURE_BUFFER: String(capture.bufferRows),
    // What a killed worker had in hand comes again soon, and what a paused one has in hand comes twice.
    ROOKERY_ACK_WAIT_MS: String(ackWaitMs),
  };
  const scriptOf = broken && (await buildBroken(root, broken, log));
  return inFolder(options, {
    name: 'chaos',
    start: (directory) => startWorld({ root, directory, env, ...(scriptOf ? { scriptOf } : {}) }),
    work: (world, directory) => playAll(world, options, directory),
    // What a broken system violates was expected of it.
    keepAfter: ({ violations }) => violations.length > 0 && broken === undefined,
  });
}

async function playAll(world: World, options: ChaosOptions, directory: string): Promise<ChaosReport> {
  const { root, rounds, seed, kinds = faultKinds, broken, log, from = 1 } = options;
  const violations: Violation[] = [];
  const files = join(directory, 'data-sets');
  mkdirSync(files);
  const campaign = await Campaign.open(world, writeDataSets(root, files), seed, log);
  const report = (found: readonly Violation[], round: number): void => {
    violations.push(...found);
    tellViolations(found, (line) => log(`  ${line}`));
    if (found.length === 0) return;
    log(
      `  to repeat it: npm run chaos -- --seed ${seed} --from ${from} --rounds ${Math.max(1, round - from + 1)}`,
    );
  };
  try {
    report(await campaign.begin(), 0);
    const goesOn = (): boolean => broken === undefined || violations.length === 0;
    for (let round = from; round < from + rounds && goesOn(); round++) {
      const startedAt = Date.now();
      const plan = planRound(seed, round, kinds);
      log(`round ${round}: ${plan.datasets.map(({ kind, model }) => `${kind}→${model}`).join(', ')}`);
      report(await campaign.play(plan), round);
      const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
      log(
        `  ${seconds} s; ${campaign.traffic.answers.length} answers, ${campaign.copies.published()} copies so far`,
      );
    }
    const busy = goesOn() ? await untilIdle(world.nats, idleDeadlineMs) : [];
    const stuck = busy.map((evidence) => {
      return { invariant: 'every message is handled', subject: evidence.split(' ')[0] ?? '', evidence };
    });
    report([...stuck, ...(await campaign.check())], from + rounds - 1);
    const { captures } = await campaign.verdict();
    const letters = await untilAnswered(() => openLogReader(world.nats, 'ML_DLQ').refresh());
    for (const { raw, subject } of letters) {
      const { code, message, attempts } = events.deadLetter.message.decode(raw);
      log(`dead letter ${subject}: ${code} after ${attempts} attempts: ${message.slice(0, 160)}`);
    }
    for (const [code, count] of campaign.movers.refusals) log(`${count} moves of champion refused: ${code}`);
    const { acksLost, reordered } = world.proxy.counts();
    log(
      `${campaign.movers.acknowledged.length} moves made, ${acksLost} acks lost, ${reordered} deliveries held back`,
    );
    for (const line of coverageTable(campaign.injector.struck, kinds)) log(line);
    for (const [what, count] of campaign.traffic.failures) log(`${count} calls failed: ${what}`);
    const faults = campaign.injector.injected();
    return { rounds, seed, faults, violations, captures, deadLetters: letters.length };
  } finally {
    await campaign.close();
  }
}
