export { connectBus } from './bus.js';
export type {
  DeadLetterBox,
  DeadLetterPage,
  DeadLetterQuery,
  Redriven,
  StoredDeadLetter,
} from './dead-letter-box.js';
export { viewPayload } from './payload-view.js';
export type { PayloadView } from './payload-view.js';
export { redriveCount } from './redrive.js';
export { createOutbox } from './outbox.js';
export type { Outbox, OutboxCollection, OutboxDocument, OutboxEntry } from './outbox.js';
export { decodePayload, encodePayload } from './payload.js';
export { decodeMeta, encodeHeaders, headerNames } from './cloud-events.js';
export { repeatEvery } from './repeat.js';
export type { Repeated } from './repeat.js';
export { retryDelayMs } from './retry.js';
export { parseTraceparent } from './traceparent.js';
export type {
  Bus,
  BusEvent,
  ConnectBusOptions,
  ConsumeOptions,
  Consumption,
  DeadLetter,
  EventMeta,
  HandlerContext,
  Logger,
  PublishOptions,
  PublishResult,
  RawEvent,
  Replay,
  ReplayAllOptions,
  ReplayOptions,
  Stop,
  StreamBounds,
} from './types.js';
export { loginFromEnvironment } from './login.js';
export type { BusLogin } from './login.js';
