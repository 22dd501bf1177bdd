import type { EventName } from '@rookery/contracts';

/** What a user of the broker does there. Nothing else is allowed to it. */
export interface BusUser {
  /** Events that it publishes. */
  readonly publishes?: readonly EventName[];
  /** Events that it handles, with the names of its durable consumers; it may write the dead letters of these alone. */
  readonly consumes?: readonly { readonly event: EventName; readonly durable: string }[];
  /** Events whose history it reads. */
  readonly reads?: readonly EventName[];
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
    artifacts: 'write',
  },
  transform: {
    publishes: ['runStarted', 'foldJob', 'searchStarted', 'trialStarted', 'searchCompleted', 'runFailed'],
    consumes: [
      { event: 'datasetIngested', durable: 'transform' },
      { event: 'trialEvaluated', durable: 'transform-trials' },
      { event: 'trialFailed', durable: 'transform-trial-failures' },
      { event: 'deadLetter', durable: 'transform-dead-letters' },
    ],
    artifacts: 'write',
  },
  trainer: {
    publishes: ['foldTrained', 'trialFailed'],
    consumes: [{ event: 'foldJob', durable: 'trainer' }],
    progress: 'publish',
    artifacts: 'write',
  },
  evaluator: {
    publishes: ['foldEvaluated', 'runEvaluated', 'trialEvaluated'],
    consumes: [
      { event: 'runStarted', durable: 'evaluator-plans' },
      { event: 'foldTrained', durable: 'evaluator' },
    ],
    artifacts: 'write',
  },
  registry: {
    publishes: [
      'modelRegistered',
      'modelPromoted',
      'modelRejected',
      'modelRolledBack',
      'runCompleted',
      'runFailed',
    ],
    consumes: [
      { event: 'datasetIngested', durable: 'registry-dataset-ingested' },
      { event: 'runStarted', durable: 'registry-run-started' },
      { event: 'foldTrained', durable: 'registry-fold-trained' },
      { event: 'foldEvaluated', durable: 'registry-fold-evaluated' },
      { event: 'runEvaluated', durable: 'registry-run-evaluated' },
      { event: 'runFailed', durable: 'registry-run-failed' },
      { event: 'inferenceSwapped', durable: 'registry-inference-swapped' },
      { event: 'modelRejected', durable: 'registry-model-rejected' },
      { event: 'deadLetter', durable: 'registry-dead-letters' },
    ],
    reads: ['runStarted', 'datasetIngested'],
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
