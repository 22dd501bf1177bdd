import type { DescMethod } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import fc from 'fast-check';

import { binaryOf } from './messages.js';
import { mutatedOf } from './mutations.js';

/** Requests of one call: none, one or several where the method streams them. */
export type CallInput = readonly Uint8Array[];

/** Ends a call that hangs; a busy machine is slow. */
const deadlineMs = 60_000;
/** Methods that wait for something to happen, as long as the caller says; we leave earlier. */
const waiting = new Set([
  '/rookery.monitor.v1.MonitorService/RunReport',
  '/rookery.registry.v1.RegistryService/WatchRun',
]);
const patienceMs = 100;
/** What a call may end with, whatever was sent. */
const allowed = new Set([
  grpc.status.OK,
  grpc.status.INVALID_ARGUMENT,
  grpc.status.NOT_FOUND,
  grpc.status.ALREADY_EXISTS,
  grpc.status.FAILED_PRECONDITION,
  grpc.status.ABORTED,
  grpc.status.OUT_OF_RANGE,
  grpc.status.RESOURCE_EXHAUSTED,
  grpc.status.PERMISSION_DENIED,
]);

/** Requests for a method: messages of its kind, such messages damaged, and any bytes. */
export function callsOf(method: DescMethod, known: readonly string[]): fc.Arbitrary<CallInput> {
  const sample = fc.sample(binaryOf(method.input, known), { seed: 1, numRuns: 20 });
  const request = fc.oneof(
    { weight: 6, arbitrary: binaryOf(method.input, known) },
    { weight: 3, arbitrary: mutatedOf(sample) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  );
  const streams = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  return streams ? fc.array(request, { maxLength: 5 }) : request.map((one) => [one]);
}

/** A plain client: it sends bytes as they are and looks at the status alone. */
export class RawClient {
  readonly #client: grpc.Client;

  constructor(address: string) {
    this.#client = new grpc.Client(address, grpc.credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Makes a call, and throws where it ends with a status that no mistake of a client may have. */
  async call(path: string, kind: DescMethod['methodKind'], input: CallInput): Promise<string> {
    const { code, details, answered } = await this.#end(path, kind, input);
    const name = grpc.status[code];
    // A method that waits may wait longer than we do: it must end when we go, and the process with it lives on.
    if (code === grpc.status.CANCELLED && (answered || waiting.has(path))) return 'OK';
    if (!allowed.has(code)) throw new Error(`${path} ended with ${name}: ${details}`);
    return name;
  }

  #end(
    path: string,
    kind: DescMethod['methodKind'],
    input: CallInput,
  ): Promise<{ code: grpc.status; details: string; answered: boolean }> {
    return new Promise((resolve) => {
      const identity = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
      const options = { deadline: Date.now() + deadlineMs };
      let answered = false;
      const metadata = new grpc.Metadata();
      const ended = (status: { code: grpc.status; details: string }): void =>
        resolve({ code: status.code, details: status.details, answered });
      const ignore = (): void => undefined;
      const leaveLater = (call: grpc.ClientUnaryCall | grpc.ClientReadableStream<Buffer>): void => {
        if (!waiting.has(path)) return;
        const leave = setTimeout(() => call.cancel(), patienceMs);
        call.once('status', () => clearTimeout(leave));
      };
      if (kind === 'unary') {
        const request = input[0] ?? new Uint8Array();
        const call = this.#client.makeUnaryRequest(
          path,
          identity,
          identity,
          request,
          metadata,
          options,
          ignore,
        );
        leaveLater(call);
        call.once('status', ended);
      } else if (kind === 'client_streaming') {
        const call = this.#client.makeClientStreamRequest(
          path,
          identity,
          identity,
          metadata,
          options,
          ignore,
        );
        call.once('status', ended).on('error', ignore);
        for (const message of input) call.write(message);
        call.end();
      } else {
        const duplex =
          kind === 'bidi_streaming'
            ? this.#client.makeBidiStreamRequest(path, identity, identity, metadata, options)
            : undefined;
        const first = input[0] ?? new Uint8Array();
        const call =
          duplex ?? this.#client.makeServerStreamRequest(path, identity, identity, first, metadata, options);
        if (duplex === undefined) leaveLater(call);
        call.once('status', ended).on('error', ignore);
        call.on('data', () => {
          answered = true;
          // A watch of something that is under way goes on for ever: one answer is enough.
          if (duplex === undefined) call.cancel();
        });
        for (const message of duplex === undefined ? [] : input) duplex?.write(message);
        duplex?.end();
      }
    });
  }

  close(): void {
    this.#client.close();
  }
}
