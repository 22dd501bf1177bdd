export { errorCodes, isErrorCode } from './error-codes.js';
export type { ErrorCode, ErrorCodeEntry, GrpcStatusName } from './error-codes.js';
export { RetryableError, RookeryError, TerminalError, toRookeryError } from './errors.js';
export type { ErrorOptions } from './errors.js';
export { readClassWeight, reservedColumns } from './dataset-request.js';
export type { ClassWeight } from './dataset-request.js';
export {
  asksForLabelSets,
  readLabelThreshold,
  targetColumns,
  targetName,
  thresholdOf,
  thresholdsByLabel,
} from './targets.js';
export type { RequestedThreshold, TargetRequest } from './targets.js';
export { defineEvent } from './event-type.js';
export type { EventType } from './event-type.js';
export { events, progressMessage, progressSubject } from './events.js';
export type { EventName } from './events.js';
export {
  attemptOf,
  attemptParts,
  datasetIdOf,
  derivedEventId,
  digestOf,
  isKey,
  jobKeyOf,
  requireKey,
  runIdOf,
  trialRunIdOf,
} from './ids.js';
export { streams } from './streams.js';
export type { StreamDefinition, StreamName } from './streams.js';
export { columnTypeFromProto, columnTypeToProto, taskFromProto, taskToProto } from './enum-names.js';
export type { ColumnTypeName, TaskName } from './enum-names.js';
export { decodeRowNumbers, encodeRowNumbers } from './row-numbers.js';
export { decodeRowWeights, encodeRowWeights } from './row-weights.js';
export { artifactTypes } from './artifact-types.js';
