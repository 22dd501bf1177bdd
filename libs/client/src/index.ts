export { addressesFromEnvironment } from './addresses.js';
export type { Addresses } from './addresses.js';
export { rowFromProto, rowToProto } from './plain-rows.js';
export type { PlainRow, PlainValue } from './plain-rows.js';
export { RookeryClient } from './rookery-client.js';
export type { ClientOptions, DatasetRequest, PredictedRow, PublishedRun } from './rookery-client.js';
export type { RunOutcome, RunStep } from './run-outcome.js';
export { watchRun } from './run-watch.js';
export type { RunWatch } from './run-watch.js';
