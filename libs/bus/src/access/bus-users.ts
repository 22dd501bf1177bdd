import type { EventName, StreamName } from '@rookery/contracts';

/** What a user of the broker does there. Nothing else is allowed to it. */
export interface BusUser {
  /** Events that it publishes. */
  readonly publishes?: readonly EventName[];
  /** Events that it handles, with the names of its durable consumers; it may write the dead letters of these alone. */
  readonly consumes?: readonly { readonly event: EventName; readonly durable: string }[];
  /** Events whose history it reads. */
  readonly reads?: readonly EventName[];
  /** Events of which it looks up the last one of a key. */
  readonly looksUp?: readonly EventName[];
  /** Events that it hears as they pass. */
  readonly hears?: readonly EventName[];
  /** Durable consumers of others that it asks the broker about: how far they are, and nothing else. */
  readonly asksAbout?: readonly { readonly event: EventName; readonly durable: string }[];
  /** Streams that it reads from the beginning where its database is lost. */
  readonly rebuildsFrom?: readonly StreamName[];
  /** Sees every event as it passes, and single ones of the log. */
  readonly watches?: boolean;
  /** Live progress of training. */
  readonly progress?: 'publish' | 'watch';
  /** Artifacts in the NATS object store: read them, or put some as well. */
  readonly artifacts?: 'read' | 'write';
  /** Creates and changes streams and the bucket of artifacts. The others wait until it has. */
  readonly setsUp?: boolean;
  /** Reads, sends again and drops dead letters: may publish any event. */
  readonly redrives?: boolean;
}

/**
 * Every user of the broker: one for each service, `client` for the CLI and programs, `operator` for dead letters. The only
 * place that says who may do what on the bus; docs/contracts/permissions.md and the configuration of nats-server are made
 * from it, and a system test runs the whole path under it.
 */
export const busUsers = {
  ingest: {
    publishes: ['datasetReady', 'datasetIngested', 'datasetRejected'],
    consumes: [{ event: 'datasetReady', durable: 'ingest' }],
    rebuildsFrom: ['ML_EVENTS'],
    artifacts: 'write',
  },
  transform: {
    publishes: [
      'runStarted',
      'foldJob',
      'searchStarted',
      'trialStarted',
      'searchCompleted',
      'trialFailed',
      'runFailed',
    ],
    consumes: [
      { event: 'datasetIngested', durable: 'transform' },
      { event: 'runResumed', durable: 'transform-resumed' },
      { event: 'runCancelled', durable: 'transform-cancelled' },
      { event: 'runReproducing', durable: 'transform-reproducing' },
      { event: 'trialEvaluated', durable: 'transform-trials' },
      { event: 'trialFailed', durable: 'transform-trial-failures' },
      { event: 'deadLetter', durable: 'transform-dead-letters' },
    ],
    reads: ['foldTrained', 'datasetIngested', 'trialEvaluated', 'trialFailed'],
    looksUp: ['runStarted', 'runCancelled', 'runFailed', 'searchStarted'],
    rebuildsFrom: ['ML_EVENTS', 'ML_JOBS'],
    artifacts: 'write',
  },
  trainer: {
    publishes: ['foldTrained', 'foldReproduced', 'trialFailed'],
    consumes: [{ event: 'foldJob', durable: 'trainer' }],
    looksUp: ['runCancelled'],
    hears: ['runCancelled'],
    progress: 'publish',
    artifacts: 'write',
  },
  evaluator: {
    publishes: ['foldEvaluated', 'runEvaluated', 'trialEvaluated'],
    consumes: [
      { event: 'runStarted', durable: 'evaluator-plans' },
      { event: 'foldTrained', durable: 'evaluator' },
      { event: 'runResumed', durable: 'evaluator-resumed' },
      { event: 'runCancelled', durable: 'evaluator-cancelled' },
    ],
    reads: ['foldTrained'],
    rebuildsFrom: ['ML_EVENTS'],
    artifacts: 'write',
  },
  registry: {
    publishes: [
      'modelRegistered',
      'modelPromoted',
      'modelRejected',
      'modelRolledBack',
      'modelAliased',
      'runCompleted',
      'runFailed',
      'runResumed',
      'runCancelled',
      'runReproducing',
      'runReproduced',
    ],
    consumes: [
      { event: 'datasetIngested', durable: 'registry-dataset-ingested' },
      { event: 'runStarted', durable: 'registry-run-started' },
      { event: 'foldTrained', durable: 'registry-fold-trained' },
      { event: 'foldEvaluated', durable: 'registry-fold-evaluated' },
      { event: 'runEvaluated', durable: 'registry-run-evaluated' },
      { event: 'runFailed', durable: 'registry-run-failed' },
      { event: 'foldReproduced', durable: 'registry-fold-reproduced' },
      { event: 'inferenceSwapped', durable: 'registry-inference-swapped' },
      { event: 'modelRejected', durable: 'registry-model-rejected' },
      { event: 'deadLetter', durable: 'registry-dead-letters' },
    ],
    reads: ['runStarted', 'datasetIngested', 'trialStarted', 'trialEvaluated', 'trialFailed'],
    // Whether what a run waits for is in a queue.
    looksUp: ['searchStarted', 'searchCompleted', 'trialStarted', 'trialEvaluated', 'trialFailed'],
    asksAbout: [
      { event: 'datasetIngested', durable: 'transform' },
      { event: 'runResumed', durable: 'transform-resumed' },
      { event: 'runReproducing', durable: 'transform-reproducing' },
      { event: 'foldJob', durable: 'trainer' },
      { event: 'foldTrained', durable: 'evaluator' },
      { event: 'trialEvaluated', durable: 'transform-trials' },
      { event: 'trialFailed', durable: 'transform-trial-failures' },
      { event: 'runResumed', durable: 'evaluator-resumed' },
      { event: 'runEvaluated', durable: 'registry-run-evaluated' },
    ],
    rebuildsFrom: ['ML_EVENTS'],
    artifacts: 'read',
    setsUp: true,
  },
  inference: {
    publishes: ['predictionCaptured', 'inferenceSwapped', 'modelRejected'],
    reads: ['modelPromoted', 'modelRolledBack'],
    artifacts: 'read',
  },
  monitor: {
    publishes: ['monitorReported', 'driftDetected', 'labelReceived'],
    consumes: [
      { event: 'modelRegistered', durable: 'monitor-models' },
      { event: 'modelPromoted', durable: 'monitor-promotions' },
      { event: 'modelRolledBack', durable: 'monitor-rollbacks' },
      { event: 'predictionCaptured', durable: 'monitor-captures' },
      { event: 'labelReceived', durable: 'monitor-labels' },
    ],
    rebuildsFrom: ['ML_EVENTS', 'ML_CAPTURES'],
    artifacts: 'read',
  },
  console: { watches: true, progress: 'watch' },
  client: { publishes: ['datasetReady', 'labelReceived'], watches: true, progress: 'watch' },
  operator: {
    publishes: ['datasetReady', 'labelReceived'],
    watches: true,
    progress: 'watch',
    redrives: true,
  },
} as const satisfies Record<string, BusUser>;

/** Name of a user of the broker. */
export type BusUserName = keyof typeof busUsers;

/** Every user, by name. */
export const busUserList = Object.entries(busUsers) as readonly [BusUserName, BusUser][];
