export { addressesFromEnvironment } from './addresses.js';
export type { Addresses } from './addresses.js';
export { loginFromEnvironment, redriveCount, viewPayload } from '@rookery/bus';
export { peersFromEnvironment } from '@rookery/service-kit/client';
export type { Peers } from '@rookery/service-kit/client';
export type { BusLogin, DeadLetterPage, PayloadView, Redriven, StoredDeadLetter } from '@rookery/bus';
export { redriveNoteOf, runIdOfLetter } from './dead-letters.js';
export type { DeadLetters, RedriveNote, SystemView } from './dead-letters.js';
export { bestFirst } from './best-first.js';
export { rowFromProto, rowToProto } from './plain-rows.js';
export type { PlainRow, PlainValue } from './plain-rows.js';
export { RookeryClient } from './rookery-client.js';
export type {
  ClientOptions,
  DatasetRequest,
  PredictedRow,
  PredictionTruth,
  PublishedRun,
} from './rookery-client.js';
export type { ReproductionWatch } from './reproduction-watch.js';
export type { RunControl, RunTurn } from './run-control.js';
export type { RunOutcome, RunStep } from './run-outcome.js';
export { watchRun, watchRunId } from './run-watch.js';
export type { RunWatch } from './run-watch.js';
