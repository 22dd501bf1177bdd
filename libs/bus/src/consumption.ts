import { setTimeout as sleep } from 'node:timers/promises';
import type { JetStreamManager } from '@nats-io/jetstream';
import { requireKey, RookeryError, TerminalError } from '@rookery/contracts';
import type { EventType } from '@rookery/contracts';
import { untilDisconnected } from './broker-errors.js';
import type { Connection } from './connection.js';
import type { StoreDeadLetter } from './dead-letters.js';
import type { Delivery } from './delivery.js';
import { dispatch } from './dispatcher.js';
import type { DispatcherParts } from './dispatcher.js';
import { ensureDurable } from './durable.js';
import type { DurableSpec } from './durable.js';
import { startPullLoop } from './pull-loop.js';
import { advisoriesStream, advisorySubject, sweep, sweeperName } from './sweeper.js';
import type { BusMetrics } from './telemetry.js';
import type { ConsumeOptions, Consumption, Logger } from './types.js';
import { untilAnswered } from './until-answered.js';

/** What a consumption works with. */
export interface ConsumptionParts {
  connection: Connection;
  jsm: JetStreamManager;
  ensureTopology: () => Promise<void>;
  storeDeadLetter: StoreDeadLetter;
  metrics: BusMetrics;
  logger: Logger;
  defaultMaxDeliver: number;
  defaultAckWaitMs: number;
  /** How long the start waits for a broker that went away, ms. */
  startDeadlineMs: number;
}

/**
 * Starts the pull loops of one durable consumer and of the sweeper beside it.
 *
 * The broker may deliver once more than the handler is allowed to run: that delivery goes straight to the dead
 * letters, so a message that kills its worker ends there even where the broker emits no advisory.
 */
export async function startConsumption<T>(
  parts: ConsumptionParts,
  event: EventType<T>,
  options: ConsumeOptions<T>,
): Promise<Consumption> {
  const settings = checkOptions(options, parts);
  const { connection, jsm, logger } = parts;
  const { durable } = options;
  const controller = new AbortController();
  const stopSignal = new AbortController();
  const dispatcher: DispatcherParts<T> = {
    event,
    options,
    maxDeliver: settings.maxDeliver,
    heartbeatMs: settings.heartbeatMs,
    storeDeadLetter: parts.storeDeadLetter,
    metrics: parts.metrics,
    logger: logger.child({ durable }),
    stopping: stopSignal.signal,
    signal: controller.signal,
  };
  const work = durableKeeper(parts, {
    stream: event.stream,
    durable,
    filter: event.filter,
    ackWaitMs: settings.ackWaitMs,
    maxDeliver: settings.maxDeliver + 1,
    maxAckPending: 1_000,
    from: options.from ?? 'all',
  });
  const sweeping = durableKeeper(parts, {
    stream: advisoriesStream,
    durable: sweeperName(durable),
    filter: advisorySubject(event.stream, durable),
    ackWaitMs: 60_000,
    maxDeliver: -1,
    maxAckPending: 100,
    from: 'all',
  });
  await Promise.all(
    [work, sweeping].map((ensure) =>
      untilAnswered(connection, `consumer ${durable}`, ensure, parts.startDeadlineMs),
    ),
  );

  const running = new Set<Delivery>();
  const onDelivery = async (delivery: Delivery): Promise<void> => {
    running.add(delivery);
    try {
      await dispatch(dispatcher, delivery);
    } finally {
      running.delete(delivery);
    }
  };
  const loops = Array.from({ length: settings.concurrency }, () =>
    startPullLoop({ connection, stream: event.stream, durable, ensure: work, onDelivery, logger }),
  );
  const sweeperLoop = startPullLoop({
    connection,
    stream: advisoriesStream,
    durable: sweeperName(durable),
    ensure: sweeping,
    onDelivery: (advisory) => sweep({ ...dispatcher, jsm }, advisory),
    logger,
  });

  let stopping: Promise<void> | undefined;
  const stop = async (graceMs: number): Promise<void> => {
    stopSignal.abort();
    await Promise.all([...loops, sweeperLoop].map((loop) => loop.stopPulling()));
    const allIdle = Promise.all([...loops, sweeperLoop].map((loop) => loop.idle));
    const timer = new AbortController();
    await Promise.race([allIdle, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
    timer.abort();
    if (running.size > 0)
      logger.warn({ durable, running: running.size }, 'handlers did not end in time, handing back');
    controller.abort();
    for (const delivery of running) delivery.nak();
  };
  return {
    durable,
    inFlight: () => running.size,
    stop: (graceMs = 10_000) => (stopping ??= stop(graceMs)),
    lag: async () => {
      const info = await jsm.consumers.info(event.stream, durable);
      return {
        pending: info.num_pending,
        ackPending: info.num_ack_pending,
        redelivered: info.num_redelivered,
      };
    },
  };
}

/** Makes sure of a durable once for all the loops that ask at the same time; sets the streams up again where they are gone. */
function durableKeeper(parts: ConsumptionParts, spec: DurableSpec): () => Promise<void> {
  let underway: Promise<void> | undefined;
  const ensureOnce = (): Promise<unknown> =>
    untilDisconnected(
      parts.connection,
      `consumer ${spec.durable}`,
      ensureDurable(parts.jsm, spec, parts.logger),
    );
  const ensure = async (): Promise<void> => {
    try {
      await ensureOnce();
    } catch (error) {
      if (!(error instanceof RookeryError) || error.code !== 'RK_BUS_NO_STREAM') throw error;
      parts.logger.warn(
        { stream: spec.stream, durable: spec.durable },
        'the stream is missing, setting it up',
      );
      await parts.ensureTopology();
      await ensureOnce();
    }
  };
  return () => (underway ??= ensure().finally(() => (underway = undefined)));
}

function checkOptions(
  options: ConsumeOptions<never>,
  defaults: Pick<ConsumptionParts, 'defaultMaxDeliver' | 'defaultAckWaitMs'>,
): { concurrency: number; maxDeliver: number; ackWaitMs: number; heartbeatMs: number } {
  requireKey(options.durable, 'durable');
  const concurrency = options.concurrency ?? 1;
  const maxDeliver = options.maxDeliver ?? defaults.defaultMaxDeliver;
  const ackWaitMs = options.ackWaitMs ?? defaults.defaultAckWaitMs;
  const heartbeatMs = options.heartbeatMs ?? Math.min(10_000, Math.floor(ackWaitMs / 3));
  for (const [name, value] of Object.entries({ concurrency, maxDeliver, ackWaitMs, heartbeatMs })) {
    if (!Number.isInteger(value) || value < 1)
      throw badOption(options.durable, `${name} must be a whole number from 1`);
  }
  if (heartbeatMs >= ackWaitMs) throw badOption(options.durable, 'heartbeatMs must be below ackWaitMs');
  return { concurrency, maxDeliver, ackWaitMs, heartbeatMs };
}

function badOption(durable: string, what: string): TerminalError {
  return new TerminalError('RK_CONFIG_INVALID', `consumer ${durable}: ${what}`);
}
