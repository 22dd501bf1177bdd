import type { EventType, StreamName } from '@rookery/contracts';
import type { FoldProgress } from '@rookery/proto/rookery/events/v1/run';
import type { Authenticator, NatsConnection } from '@nats-io/transport-node';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import type { DeadLetterBox } from './dead-letter-box.js';
import type { BusLogin } from './login.js';

/** The part of a pino logger that the bus uses: `(fields, message)`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Logger;
}

/** What is known about an event beside its payload. All of it survives a redelivery, except `deliveryCount`. */
export interface EventMeta {
  /** Unique id of the event. The same for every redelivery: derive your own ids from it. */
  id: string;
  /** CloudEvents type, e.g. `ml.dataset.ingested`. */
  type: string;
  /** The concrete NATS subject the event was published on. */
  subject: string;
  /** The aggregate key: the last token of the subject, or `''` for an event without a key. */
  key: string;
  /** CloudEvents source, `/services/<name>` for our own services, `/external` where the publisher sent none. */
  source: string;
  /** When the event happened (`ce-time`), else when the broker stored it. */
  time: Date;
  /** Carried unchanged along a whole run; the event's own id where nothing was sent. */
  correlationId: string;
  /** Id of the event that caused this one. */
  causationId?: string;
  /** W3C trace context of the sender. */
  traceparent?: string;
  /** 1 for the first delivery. A bound on effort, not an exact count: a broker crash can repeat a number. */
  deliveryCount: number;
  /** Stream that holds the event; `''` for an event seen live over core NATS. */
  stream: string;
  /** Sequence in that stream; 0 for an event seen live over core NATS. */
  sequence: number;
  /** How often the event was sent again from the dead letters; absent where it never was. */
  redriveCount?: number;
}

/** One event, decoded. */
export interface BusEvent<T> extends EventMeta {
  data: T;
  /** The payload's bytes as they were published. */
  raw: Uint8Array;
}

/** An event as it passes on the wire, not decoded: what `tail` shows. */
export interface RawEvent extends EventMeta {
  raw: Uint8Array;
  headers: Record<string, string>;
}

/** Ends what it was returned by. Safe to call more than once. */
export type Stop = () => Promise<void>;

/** How to connect. */
export interface ConnectBusOptions {
  /** `nats://host:port`, or several with commas. */
  url: string;
  /** Name of the service: becomes the `ce-source` and the client name. */
  name: string;
  logger?: Logger;
  /** Replicas of every stream. Default 1. */
  streamReplicas?: number;
  /** Milliseconds since the epoch; default `Date.now`. */
  clock?: () => number;
  /** Default of `ConsumeOptions.maxDeliver`. Default 5. */
  maxDeliver?: number;
  /** Default of `ConsumeOptions.ackWaitMs`. Default 30 000. */
  ackWaitMs?: number;
  authenticator?: Authenticator | Authenticator[];
  /** Credentials and TLS. Default: none, and what the URL says. */
  login?: BusLogin;
  /** How long to wait for the first connection before giving up, ms. Default 60 000. */
  connectDeadlineMs?: number;
  /** How long one publish is retried before it fails, ms. Default 30 000. */
  publishDeadlineMs?: number;
}

/** Options of one publish. */
export interface PublishOptions {
  /** Becomes `ce-id` and `Nats-Msg-Id`: the same id is stored once (within the stream's duplicate window). Derive it from the cause. */
  id: string;
  /** The event being handled: sets causation and correlation, and the trace where no span is active. */
  cause?: EventMeta;
  /** Default: that of `cause`, else `id`. */
  correlationId?: string;
  causationId?: string;
  /** When it happened; default now. */
  time?: Date;
  /** Parent of the send span; default the active span, else that of `cause`. */
  traceparent?: string;
}

/** What the broker confirmed. */
export interface PublishResult {
  sequence: number;
  /** True where the stream had this id already: nothing was stored, and `sequence` is that of the first. */
  duplicate: boolean;
}

/** What a handler gets beside the event. */
export interface HandlerContext {
  /** Aborts when the consumer stops before the handler has ended. */
  signal: AbortSignal;
  /** 1 for the first delivery. */
  attempt: number;
  /** True where a failure now goes to the dead letters rather than to another attempt. */
  lastAttempt: boolean;
  /** Carries event id, type, correlation id and attempt. */
  logger: Logger;
}

/** What `onDeadLetter` gets. */
export interface DeadLetter<T> {
  /** Absent where the payload could not be decoded. */
  event?: BusEvent<T>;
  raw: Uint8Array;
  meta: EventMeta;
  error: Error;
  /** Code of the error, e.g. `RK_MESSAGE_MALFORMED`. */
  code: string;
  attempts: number;
}

/** How to consume one event type. */
export interface ConsumeOptions<T> {
  /** Name of the durable consumer. Processes that use the same name share the work. `[A-Za-z0-9_-]{1,64}`. */
  durable: string;
  /** Handlers at once in this process. Default 1, which also keeps the order of first deliveries. */
  concurrency?: number;
  /** Attempts before the dead letters. Default 5. */
  maxDeliver?: number;
  /** How long the broker waits for a sign of life before it redelivers. Default: that of the bus. */
  ackWaitMs?: number;
  /** How often the bus tells the broker that a handler is still at work. Default a third of `ackWaitMs`, at most 10 000. */
  heartbeatMs?: number;
  /** Where a consumer that does not exist yet starts: all the stream holds (default), or from now. */
  from?: 'all' | 'new';
  /** Delay before attempt `attempt + 1`, ms; default `retryDelayMs` (exponential, full jitter). */
  retryDelay?: (attempt: number) => number;
  /** Resolve to acknowledge. Throw RetryableError (or anything unknown) for another attempt, TerminalError for the dead letters. */
  handler: (event: BusEvent<T>, context: HandlerContext) => Promise<void>;
  /** Runs after the dead letter is stored and before the delivery is ended; must be idempotent. If it throws, all is tried again. */
  onDeadLetter?: (letter: DeadLetter<T>) => Promise<void>;
}

/** A running consumer. */
export interface Consumption {
  readonly durable: string;
  /** Handlers running now. */
  inFlight(): number;
  /** Stops pulling, waits up to `graceMs` (default 10 000) for running handlers, then aborts them and hands their events back. */
  stop(graceMs?: number): Promise<void>;
  /** What the broker still holds for this consumer. */
  lag(): Promise<{ pending: number; ackPending: number; redelivered: number }>;
}

/** How to read a stream again. */
export interface ReplayOptions<T> {
  /** Only this aggregate. */
  key?: string;
  /** First stream sequence to read; default the first there is. */
  fromSequence?: number;
  onEvent: (event: BusEvent<T>) => void | Promise<void>;
  /** Called with a stored event that cannot be decoded; default: logged and skipped. */
  onInvalid?: (event: RawEvent, error: Error) => void;
  /** True: end when all that was stored at the call has been seen (default). False: go on with new events until stopped. */
  untilCaughtUp?: boolean;
  signal?: AbortSignal;
}

/** Result of a replay. */
export interface Replay {
  /** Resolves when everything stored at the time of the call has been handed to `onEvent`. */
  caughtUp: Promise<void>;
  /** Resolves when reading has ended (caught up, stopped or aborted); rejects with the error of `onEvent`. */
  done: Promise<void>;
  /** Events handed over so far. */
  count(): number;
  stop: Stop;
}

/** How to read several types of a stream again, in the order in which they were stored. */
export interface ReplayAllOptions {
  /** Last sequence to read; default what the stream holds at the call. */
  through?: number;
  onEvent: (event: BusEvent<unknown>) => Promise<void>;
  /** Called with a stored event that cannot be decoded; default: logged and skipped. */
  onInvalid?: (event: RawEvent, error: Error) => void;
  signal?: AbortSignal;
}

/** What a stream holds. */
export interface StreamBounds {
  /** Sequence of the oldest message; one more than the newest where there is none. */
  firstSequence: number;
  lastSequence: number;
  /** Messages kept. */
  messages: number;
}

/** The event bus of one service. */
export interface Bus {
  readonly name: string;
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  /** Creates the streams of the contracts' table, adds what may be added, refuses what cannot be changed (`RK_BUS_TOPOLOGY`). */
  ensureTopology(): Promise<void>;
  /** Publishes and waits until the broker has stored it; retries what is transient, never stores an id twice. */
  publish<T>(event: EventType<T>, key: string, data: T, options: PublishOptions): Promise<PublishResult>;
  /** As `publish`, for a payload that is encoded already (outbox, redrive). */
  publishEncoded(
    event: EventType<unknown>,
    key: string,
    body: Uint8Array,
    options: PublishOptions,
  ): Promise<PublishResult>;
  /** Handles every event of a type at least once, with a durable consumer. */
  consume<T>(event: EventType<T>, options: ConsumeOptions<T>): Promise<Consumption>;
  /** Tells live listeners how a fold is getting on. Not stored, never fails, never waits. */
  publishProgress(runId: string, data: FoldProgress): void;
  /** Live progress of one run, or of all with `'*'`. */
  subscribeProgress(runId: string, onProgress: (progress: FoldProgress) => void): Stop;
  /** Reads a stream's events of one type again, in order, without acknowledging anything. */
  replay<T>(event: EventType<T>, options: ReplayOptions<T>): Promise<Replay>;
  /** Reads events of several types of one stream again, in the order of the stream; resolves to their number. */
  replayAll(
    stream: StreamName,
    types: readonly EventType<unknown>[],
    options: ReplayAllOptions,
  ): Promise<number>;
  /** First and last sequence of a stream. */
  bounds(stream: StreamName): Promise<StreamBounds>;
  /** The last event of each key. */
  lastPerKey<T>(event: EventType<T>): Promise<BusEvent<T>[]>;
  /** The last event of one key; undefined where there is none, or where it can't be decoded. One question to the broker. */
  lastOf<T>(event: EventType<T>, key: string): Promise<BusEvent<T> | undefined>;
  /** Whether a consumer may still have to handle the last event of one key: it waits, is being handled, or will be again. */
  inHand(event: EventType<unknown>, key: string, durable: string): Promise<boolean>;
  /** Events from now on, as they pass; no history, no guarantee. Subjects may hold wildcards. */
  tail(subjects: string[], onEvent: (event: RawEvent) => void): Promise<Stop>;
  /** The dead letters of all consumers: to look at, to send again, to drop. */
  readonly deadLetters: DeadLetterBox;
  status(): { connected: boolean };
  /** Stops all consumers, sends what is buffered, closes. Safe to call twice. */
  close(): Promise<void>;
}
