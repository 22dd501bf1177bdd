import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamManager } from '@nats-io/jetstream';
import { RetryableError, streams } from '@rookery/contracts';
import type { StreamName } from '@rookery/contracts';
import { setTimeout as sleep } from 'node:timers/promises';
import { openConnection } from './connection.js';
import type { Connection } from './connection.js';
import { startConsumption } from './consumption.js';
import { createDeadLetterBox } from './dead-letter-box.js';
import { createDeadLetters } from './dead-letters.js';
import { isInHand, lastOfKey } from './last-event.js';
import { createProgressPublisher, subscribeProgress } from './progress.js';
import { createPublisher } from './publisher.js';
import { lastEvents, replayEvents, tailSubjects } from './readers.js';
import { replayAll, streamBounds } from './replay-all.js';
import { createMetrics } from './telemetry.js';
import { ensureStreams } from './topology.js';
import type { Bus, ConnectBusOptions, Consumption, Logger, StreamBounds } from './types.js';
import { untilAnswered } from './until-answered.js';

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/**
 * Connects a service to the bus. Waits for a broker that is not there yet, and then survives its restarts. Call
 * `ensureTopology` before anything else unless another service is sure to have done so.
 *
 * @throws RetryableError `RK_BUS_UNAVAILABLE` where no broker with JetStream answers within `connectDeadlineMs`.
 */
export async function connectBus(options: ConnectBusOptions): Promise<Bus> {
  const logger = options.logger ?? silent;
  const now = options.clock ?? Date.now;
  const connection = await openConnection(options, logger);
  const { nc } = connection;
  const jsm = await openManager(connection, options.connectDeadlineMs ?? 60_000);
  const js = jetstream(nc);
  const metrics = createMetrics();
  const publisher = createPublisher({
    connection,
    js,
    jsm,
    service: options.name,
    metrics,
    now,
    deadlineMs: options.publishDeadlineMs ?? 30_000,
  });
  const storeDeadLetter = createDeadLetters(publisher, metrics, options.name, now);
  const ensureTopology = (): Promise<void> =>
    ensureStreams(jsm, streams, options.streamReplicas ?? 1, logger);
  const bounds = (stream: StreamName): Promise<StreamBounds> =>
    untilAnswered(connection, `stream ${stream}`, () => streamBounds(jsm, stream));
  const progress = createProgressPublisher(nc, connection.connected);
  const consumptions = new Set<Consumption>();
  let closing: Promise<void> | undefined;

  return {
    name: options.name,
    nc,
    js,
    jsm,
    ensureTopology,
    // Progress goes first: nobody hears of an epoch after the event that tells of the end.
    publish: (event, key, data, publishOptions) => {
      progress.flush();
      return publisher.publish(event, key, data, publishOptions);
    },
    publishEncoded: publisher.publishEncoded,
    consume: async (event, consumeOptions) => {
      const consumption = await startConsumption(
        {
          connection,
          jsm,
          ensureTopology,
          storeDeadLetter,
          metrics,
          logger,
          defaultMaxDeliver: options.maxDeliver ?? 5,
          defaultAckWaitMs: options.ackWaitMs ?? 30_000,
          startDeadlineMs: options.connectDeadlineMs ?? 60_000,
        },
        event,
        consumeOptions,
      );
      consumptions.add(consumption);
      return consumption;
    },
    publishProgress: progress.publish,
    subscribeProgress: (runId, onProgress) => subscribeProgress(nc, runId, onProgress),
    replay: (event, replayOptions) => replayEvents({ js, connection }, event, replayOptions, logger),
    replayAll: (stream, types, replayOptions) =>
      replayAll({ js, logger, connection, bounds }, stream, types, replayOptions),
    bounds,
    lastPerKey: (event) => lastEvents({ js, connection }, event, logger),
    lastOf: (event, key) => lastOfKey(jsm, event, key, logger),
    inHand: (event, key, durable) => isInHand(jsm, event, key, durable),
    tail: (subjects, onEvent) => tailSubjects(connection, subjects, onEvent, now),
    deadLetters: createDeadLetterBox({ jsm, publisher, logger, now }),
    status: () => ({ connected: connection.connected() }),
    close: () =>
      (closing ??= (async () => {
        await Promise.all([...consumptions].map((consumption) => consumption.stop()));
        if (nc.isClosed()) return;
        progress.flush();
        // A drain needs the broker's answer; without a broker there is nothing to send it to.
        if (connection.connected()) await Promise.race([nc.drain(), sleep(5_000, undefined, { ref: false })]);
        if (!nc.isClosed()) await nc.close();
      })()),
  };
}

/** JetStream may come up a little later than the port does. */
async function openManager(connection: Connection, deadlineMs: number): Promise<JetStreamManager> {
  const deadline = performance.now() + Math.min(deadlineMs, 15_000);
  for (;;) {
    try {
      return await jetstreamManager(connection.nc);
    } catch (error) {
      if (performance.now() < deadline) {
        await sleep(200);
        continue;
      }
      await connection.nc.close();
      throw new RetryableError('RK_BUS_UNAVAILABLE', 'the broker answers, but JetStream does not', {
        hint: 'Start nats-server with -js, or enable jetstream in its configuration.',
        cause: error,
      });
    }
  }
}
