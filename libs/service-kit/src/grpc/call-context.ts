import type * as grpc from '@grpc/grpc-js';
import type { Logger } from '@rookery/telemetry';
import { callerOf } from '../security/authorise-calls.js';
import type { Identity } from '../security/authoriser.js';

/** What a handler is told about its call, beside the request. */
export interface CallContext {
  /** Metadata that the caller sent. */
  readonly metadata: grpc.Metadata;
  /** Aborts when the caller cancels, its deadline passes, or the connection is lost. The handler goes on unless it looks. */
  readonly signal: AbortSignal;
  /** Milliseconds since the epoch; `Infinity` if the caller set none. */
  readonly deadline: number;
  /** `/rookery.ingest.v1.IngestService/GetDataset` */
  readonly path: string;
  /** Address of the caller. */
  readonly peer: string;
  /** Who calls; undefined where nobody is asked to say. */
  readonly caller: Identity | undefined;
  readonly logger: Logger;
  /** Sends leading metadata now; at most once, before the first response message. */
  sendMetadata(metadata: grpc.Metadata): void;
}

/**
 * {@link CallContext} over a grpc-js call. The abort controller is made only if the handler asks for the signal: most
 * unary handlers never do, and it would be the dearest part of a short call.
 */
export class ServerCallContext implements CallContext {
  readonly logger: Logger;
  readonly #call: grpc.ServerUnaryCall<unknown, unknown> | grpc.ServerReadableStream<unknown, unknown>;
  #controller: AbortController | undefined;

  constructor(call: unknown, logger: Logger) {
    this.#call = call as grpc.ServerUnaryCall<unknown, unknown>;
    this.logger = logger;
  }

  get metadata(): grpc.Metadata {
    return this.#call.metadata;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      const controller = new AbortController();
      this.#controller = controller;
      const abort = (): void =>
        controller.abort(new DOMException('The call was cancelled or its deadline passed.', 'AbortError'));
      if (this.#call.cancelled) abort();
      else this.#call.once('cancelled', abort);
    }
    return this.#controller.signal;
  }

  get deadline(): number {
    const deadline = this.#call.getDeadline();
    return typeof deadline === 'number' ? deadline : deadline.getTime();
  }

  get path(): string {
    return this.#call.getPath();
  }

  get peer(): string {
    return this.#call.getPeer();
  }

  get caller(): Identity | undefined {
    return callerOf(this.#call.metadata);
  }

  get cancelled(): boolean {
    return this.#call.cancelled;
  }

  sendMetadata(metadata: grpc.Metadata): void {
    this.#call.sendMetadata(metadata);
  }
}
